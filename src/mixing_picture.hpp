// SPDX-License-Identifier: Apache-2.0
// Subbands of a wavelet transform, from coarse to fine: of each band one component after the other, row by row. The
// contexts are the sizes of what is done already: neighbours in the band, the band one level coarser, the other bands
// of the level, the other components. Stretches with nothing but zeros around them are coded by one decision.
// Included once for each instruction set, inside its namespace.

// Sizes of the numbers of one band, with zeros around it.
struct Plane {
    static constexpr long kBorder = 4;
    long height = 0, width = 0, stride = 0;
    std::vector<uint16_t> sizes;

    void reset(long h, long w) {
        height = h, width = w, stride = w + 2 * kBorder + 8;
        sizes.assign(static_cast<size_t>(stride * (h + 2 * kBorder)), 0);
    }
    uint16_t* at(long i, long j) { return sizes.data() + (i + kBorder) * stride + j + kBorder; }
    const uint16_t* at(long i, long j) const { return sizes.data() + (i + kBorder) * stride + j + kBorder; }
};

template <class Bits>
class PictureCoder {
public:
    PictureCoder(PictureJob& job, Bits& bits)
        : job_(job), coder_(*job.state, {250, 8, 3}, bits), now_(job.components), before_(job.components),
          stride_(job.width) {}

    void run() {
        std::vector<long> heights{job_.height}, widths{job_.width};
        for (long level = 0; level < job_.levels; ++level) {
            heights.push_back((heights.back() + 1) / 2);
            widths.push_back((widths.back() + 1) / 2);
        }
        const long deepest = job_.levels;
        level_ = static_cast<uint32_t>(least<long>(deepest, kLevels - 1));
        band(0, 0, 0, heights[deepest], widths[deepest]);
        for (long level = deepest; level-- > 0;) {
            const long h = heights[level + 1], w = widths[level + 1], high = heights[level] - h, wide = widths[level] - w;
            level_ = static_cast<uint32_t>(least<long>(level, kLevels - 1));
            std::swap(now_, before_);
            has_parents_ = level + 1 < deepest;
            band(1, 0, w, h, wide);
            band(2, h, 0, high, w);
            band(3, h, w, high, wide);
        }
    }

private:
    static constexpr uint32_t kLevels = 6;
    static constexpr long kGroup = 8;
    static constexpr int kMostSize = 1 << 12;

    struct Sizes {  // weighed sizes around a number
        uint32_t west, north, near, parent, beside, sister, all, wide;
        uint32_t w, n, nw, ne;
    };

    static uint32_t level(uint32_t x) { return least<uint32_t>(39, octaves(x)); }

    void band(int orientation, long top, long left, long height, long width) {
        orientation_ = orientation, height_ = height, width_ = width;
        for (component_ = 0; component_ < job_.components; ++component_) {
            Plane& plane = now_[component_][orientation];
            plane.reset(height, width);
            const uint32_t place = static_cast<uint32_t>(least<long>(component_, 2));
            name_ = (place * 4 + static_cast<uint32_t>(orientation)) * kLevels + level_;
            kind_ = place * 4 + static_cast<uint32_t>(orientation);
            mean_ = 256;
            first_ = job_.values + component_ * job_.height * stride_ + top * stride_ + left;
            for (row_ = 0; row_ < height; ++row_) orientation ? details(plane) : averages(plane);
        }
    }

    // The coarsest picture: what is coded is the distance from a prediction.
    void averages(Plane& plane) {
        int32_t* q = first_ + row_ * stride_;
        for (long j = 0; j < width_; ++j) {
            const int64_t centre = expected(q, j), base = (centre + 128) >> 8;
            Sizes s = sizes(plane, j);
            const int64_t x = base + number(q[j] - base, s, centre - (base << 8), 1);
            put(plane, q, j, x, x - base);
        }
    }

    int64_t expected(const int32_t* q, long j) const {  // in 1/256
        const bool up = row_ > 0, back = j > 0;
        if (!up && !back) return 0;
        if (!up) return static_cast<int64_t>(q[j - 1]) << 8;
        const int64_t n = q[j - stride_];
        if (!back) return n << 8;
        const int64_t w = q[j - 1], nw = q[j - 1 - stride_];
        const int64_t ne = j + 1 < width_ ? q[j + 1 - stride_] : n;
        return 64 * (3 * w + 2 * n - 2 * nw + ne);
    }

    void details(Plane& plane) {
        int32_t* q = first_ + row_ * stride_;
        quiet_ = 0;
        for (long j = 0; j < width_;) {
            const long stop = least<long>(width_, j + kGroup);
            if (still(plane, j)) {
                bool empty = true;
                if (job_.mode != Mode::decode)
                    for (long i = j; i < stop; ++i) empty = empty && !q[i];
                if (skip(plane, empty, j)) {
                    if (job_.mode == Mode::decode) std::fill(q + j, q + stop, 0);
                    j = stop, ++quiet_;
                    continue;
                }
            }
            quiet_ = 0;
            for (; j < stop; ++j) {
                const Sizes s = sizes(plane, j);
                const int64_t x = number(q[j], s, 0, signs(q, j));
                put(plane, q, j, x, x);
            }
        }
    }

    void put(Plane& plane, int32_t* q, long j, int64_t x, int64_t e) {
        if (x < -kMostValue || x > kMostValue) throw DesyncError("the stream holds a number beyond the allowed");
        q[j] = static_cast<int32_t>(x);
        const int64_t size = least<int64_t>(e < 0 ? -e : e, kMostSize);
        *plane.at(row_, j) = static_cast<uint16_t>(size);
        mean_ += (size * 256 - mean_) / 32;
    }

    // Sums over the stretch of a group and its neighbours in a plane.
    static uint32_t around(const Plane& plane, long i, long j, long above, long below, long wide) {
        if (i + below >= plane.height + Plane::kBorder) return 0;
        uint32_t sum = 0;
        for (long di = -above; di <= below; ++di) {
            const uint16_t* row = plane.at(i + di, j - 1);
            for (long k = 0; k < wide + 2; ++k) sum += row[k];
        }
        return sum;
    }

    long parent_row() const { return least<long>(row_ / 2, before_[component_][orientation_].height - 1); }

    // Whether all that is known around a group is zero.
    bool still(const Plane& plane, long j) const {
        if (*plane.at(row_, j - 1) || around(plane, row_, j, 2, -1, kGroup)) return false;
        if (has_parents_ && around(before_[component_][orientation_], parent_row(), j / 2, 0, 1, kGroup / 2)) return false;
        for (int other = 1; other < orientation_; ++other) {
            const Plane& sister = now_[component_][other];
            if (row_ < sister.height && j < sister.width && around(sister, row_, j, 0, 0, least<long>(kGroup, sister.width - j)))
                return false;
        }
        for (long other = 0; other < component_; ++other)
            if (around(now_[other][orientation_], row_, j, 0, 1, kGroup)) return false;
        return true;
    }

    bool skip(const Plane& plane, bool truth, long j) {
        const uint32_t run = least<uint32_t>(quiet_, 7), seen = level(static_cast<uint32_t>(mean_) >> 2);
        const auto reach = [&](long di) {
            const uint16_t* row = plane.at(row_ - di, 0);
            uint32_t sum = 0;
            for (long k = std::max<long>(j - 8, -4); k < least<long>(j + 16, width_); ++k) sum += row[k];
            return sum;
        };
        const uint32_t over = level(reach(1) + reach(2) + reach(3) + reach(4));
        uint32_t older = 0, others = 0;
        if (has_parents_) older = around(before_[component_][orientation_], parent_row(), j / 2, 1, 2, kGroup / 2);
        for (long other = 0; other < component_; ++other) others += around(now_[other][orientation_], row_, j, 2, 3, kGroup);
        const uint32_t contexts[] = {
            name_, name_ * 8 + run, over * 72 + name_, level(older) * 40 + over, level(others) * 40 + over,
            kind_ * 40 + level(older), kind_ * 40 + level(others), kind_ * 40 + seen, name_ * 8 + run, run * 40 + over, name_,
        };
        coder_.mixer.choose(contexts, name_, kind_ * 8 + run);
        return coder_.flag(truth);
    }

    Sizes sizes(const Plane& plane, long j) const {
        const uint16_t *here = plane.at(row_, j), *up = here - plane.stride, *upper = up - plane.stride;
        Sizes s{};
        s.w = here[-1], s.n = up[0], s.nw = up[-1], s.ne = up[1];
        s.west = 3u * s.w + here[-2];
        s.north = 3u * s.n + upper[0];
        s.near = 10 * (s.w + s.n) + 5 * (s.nw + s.ne) + 4u * (here[-2] + upper[0]);
        s.wide = upper[-1] + upper[1] + upper[2] + upper[-2] + here[-3] + up[2] + up[-2];
        if (has_parents_ && orientation_) {
            const Plane& older = before_[component_][orientation_];
            const uint16_t* p = older.at(parent_row(), least<long>(j / 2, older.width - 1));
            const uint16_t *above = p - older.stride, *under = p + older.stride;
            s.parent = 8u * p[0] + 2u * (p[-1] + p[1] + above[0] + under[0]) + above[-1] + above[1] + under[-1] + under[1];
        }
        for (int other = 1; other < orientation_; ++other) {
            const Plane& sister = now_[component_][other];
            if (row_ >= sister.height + 2 || j >= sister.width + 2) continue;
            const uint16_t* p = sister.at(row_, j);
            s.sister += 4u * p[0] + p[-1] + p[1] + p[-sister.stride] + p[sister.stride];
        }
        for (long other = 0; other < component_; ++other) {
            const Plane& twin = now_[other][orientation_];
            const uint16_t* p = twin.at(row_, j);
            const uint32_t found = 8u * p[0] + 2u * (p[-1] + p[1] + p[-twin.stride] + p[twin.stride]);
            s.beside = component_ - other > 1 ? found / 2 : s.beside + found;
        }
        s.all = 2 * s.near + 3 * s.wide + 2 * s.parent + 2 * s.sister + s.beside;
        return s;
    }

    // Of the neighbours, and of the same place in the component before.
    uint32_t signs(const int32_t* q, long j) const {
        const auto sign = [](int64_t x) { return x == 0 ? 0u : x < 0 ? 1u : 2u; };
        const uint32_t w = j ? sign(q[j - 1]) : 0, n = row_ ? sign(q[j - stride_]) : 0;
        const long plane = job_.height * stride_;
        const uint32_t x = component_ ? sign(q[j - plane]) : 0;
        const uint32_t y = component_ > 1 ? sign(q[j - 2 * plane]) : 0;
        return ((w * 3 + n) * 3 + x) * 3 + y;
    }

    int64_t number(int64_t e, const Sizes& s, int64_t centre, uint32_t signs) {
        const int64_t by_near = s.near * 5, by_all = s.all * 2, by_parent = s.parent * 6, by_beside = s.beside * 8;
        const int64_t scales[] = {by_near, by_all, (by_near + by_parent) / 2, (by_near + by_beside) / 2, mean_ * 3 / 4};
        for (int i = 0; i < 5; ++i) coder_.expert[i].set(centre, scales[i] < 24 ? 24 : scales[i]);
        int shift = 0;
        const uint64_t typical = std::max<uint64_t>(static_cast<uint64_t>(mean_) >> 8, s.near / 38);
        while (shift < kMostShift && typical >> shift >= 4) ++shift;
        const auto small = [&](uint32_t x) { return least<uint32_t>(x >> shift, 3); };
        const uint32_t contexts[] = {
            name_ * 8 + least<uint32_t>(7, static_cast<uint32_t>(shift)),
            level(s.near) * 72 + name_,
            (least(11u, s.w >> shift) * 12 + least(11u, s.n >> shift)) * 12 + kind_,
            level(s.west) * 40 + level(s.north),
            level(s.near) * 40 + level(s.parent),
            level(s.near) * 40 + level(s.beside),
            level(s.sister) * 40 + level(s.near),
            (((small(s.w) * 4 + small(s.n)) * 4 + small(s.nw)) * 4 + small(s.ne)) * 12 + kind_,
            level(s.all) * 12 + kind_,
            level(s.wide) * 40 + level(s.all),
            signs * 72 + name_,
        };
        coder_.mixer.choose(contexts, level(s.all) * 12 + kind_, name_);
        return coder_.code(e, shift);
    }

    PictureJob& job_;
    IntegerCoder<Bits> coder_;
    std::vector<std::array<Plane, 4>> now_, before_;  // of each component and orientation
    long stride_, height_ = 0, width_ = 0, row_ = 0, component_ = 0;
    int orientation_ = 0;
    int32_t* first_ = nullptr;
    bool has_parents_ = false;
    uint32_t level_ = 0, name_ = 0, kind_ = 0, quiet_ = 0;
    int64_t mean_ = 256;  // size so far, in 1/256
};
