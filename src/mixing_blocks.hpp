// SPDX-License-Identifier: Apache-2.0
// Blocks of transform coefficients, block after block, channel after channel, from the lowest frequency up: after each
// number that is not zero a decision says whether any more come. The contexts are the sizes of the neighbours: lower
// frequencies, the same ones in the block and in the channel before, and the mean so far of each frequency.
// Included once for each instruction set, inside its namespace.

template <class Bits>
class BlockCoder {
public:
    BlockCoder(BlockJob& job, Bits& bits)
        : job_(job), coder_(*job.state, {250, 20, 4}, bits), length_(job.length),
          mean_(job.channels * job.length, 64), scale_(job.channels * job.length, 256),
          rest_(job.channels * (job.length + 1)), empty_(job.length + 4) {}

    void run() {
        for (block_ = 0; block_ < job_.blocks; ++block_)
            for (channel_ = 0; channel_ < job_.channels; ++channel_) code_channel();
    }

private:
    struct Sizes {  // weighed sizes of the neighbours
        int64_t below, before, beside, near, mean;
        uint32_t n1, n2, still, twins;
    };

    int32_t* row(long block, long channel) const {
        return job_.values + (block * job_.channels + channel) * length_;
    }
    const int32_t* row_or_zeros(long block, long channel) const {
        return block < 0 || channel < 0 ? empty_.data() : row(block, channel);
    }
    static int64_t size(int64_t q) { return q < 0 ? -q : q; }
    static int64_t size_at(const int32_t* q, long f, long length) { return f < 0 || f >= length ? 0 : size(q[f]); }
    static uint32_t level(int64_t x) { return least<uint32_t>(39, octaves(static_cast<uint64_t>(x))); }

    void code_channel() {
        int32_t* q = row(block_, channel_);
        long last = length_ - 1;  // the highest that is not zero
        if (job_.mode == Mode::decode) std::fill(q, q + length_, 0);
        else while (last >= 0 && !q[last]) --last;
        int64_t sum = 0;
        bool ask = true;
        long f = 0;
        for (; f < length_; ++f) {
            const Sizes s = sizes(q, f);
            const uint32_t band = least<uint32_t>(23, octaves(f));
            if (ask && ends(f > last, f, band, s, sum)) break;
            q[f] = static_cast<int32_t>(number(q, f, band, s));
            ask = q[f] != 0;
            sum += size(q[f]);
        }
        for (; f < length_; ++f) follow(f, 0, 0);
        int64_t* rest = &rest_[channel_ * (length_ + 1)];
        for (long i = length_ - 1; i >= 0; --i) rest[i] = rest[i + 1] + least<int64_t>(1000, size(q[i]));
    }

    Sizes sizes(const int32_t* q, long f) const {
        const int32_t *before = row_or_zeros(block_ - 1, channel_), *older = row_or_zeros(block_ - 2, channel_);
        const int32_t *left = row_or_zeros(block_, channel_ - 1), *second = row_or_zeros(block_, channel_ - 2);
        const auto at = [&](const int32_t* r, long i) { return size_at(r, i, length_); };
        const int64_t n1 = at(q, f - 1), n2 = at(q, f - 2), p0 = at(before, f), r0 = at(older, f);
        const int64_t x0 = at(left, f), y0 = at(second, f);
        Sizes s;
        s.below = 8 * n1 + 4 * n2 + 2 * at(q, f - 3);
        s.before = 6 * p0 + 2 * at(before, f - 1) + 3 * at(before, f + 1) + at(before, f + 2) + 4 * r0;
        s.beside = 6 * x0 + 2 * at(left, f + 1) + 2 * at(left, f - 1) + 4 * y0;
        s.near = (3 * s.below + 3 * s.before + 2 * s.beside) >> 2;
        s.mean = mean_[channel_ * length_ + f];
        s.n1 = static_cast<uint32_t>(least<int64_t>(n1, 1 << 20));
        s.n2 = static_cast<uint32_t>(least<int64_t>(n2, 1 << 20));
        s.still = level(4 * p0 + 2 * r0);
        s.twins = static_cast<uint32_t>(least<int64_t>(11, x0 + y0));
        return s;
    }

    uint32_t name(long f) const { return static_cast<uint32_t>(channel_ * 1031 + f) * 2654435761u >> 20; }

    bool ends(bool truth, long f, uint32_t band, const Sizes& s, int64_t sum) {
        const int64_t mine = rest_[channel_ * (length_ + 1) + f];  // of the block before, until this one is done
        const int64_t theirs = channel_ ? rest_[(channel_ - 1) * (length_ + 1) + f] : 0;
        const uint32_t contexts[] = {
            name(f),
            level(mine) * 24 + band,
            (least(12u, s.n1) * 13 + least(12u, s.n2)) * 24 + band,
            level(mine) * 40 + level(theirs),
            level(theirs) * 40 + band,
            (level(sum) * 24 + band) * 2,
            level(mine) * 40 + level(s.below),
            (level(s.mean) * 12 + static_cast<uint32_t>(least<int64_t>(11, mine + theirs))) * 4,
        };
        coder_.mixer.choose(contexts, level(s.near) * 24 + band, level(mine) * 6 + static_cast<uint32_t>(least<int64_t>(5, theirs)));
        return coder_.flag(truth);
    }

    int64_t number(const int32_t* q, long f, uint32_t band, const Sizes& s) {
        const int64_t expected = f < kMeanTargets ? mean_of(f) : 0, base = (expected + 128) >> 8;
        const int64_t centre = expected - (base << 8), seen = scale_[channel_ * length_ + f];
        const int64_t by_mean = s.mean * 11, by_near = s.near * 8;
        const int64_t scales[] = {by_mean, by_near, (by_mean + by_near) / 2, seen};
        for (int i = 0; i < 4; ++i) coder_.expert[i].set(centre, scales[i] < 24 ? 24 : scales[i]);
        const int64_t typical = f < kMeanTargets ? seen >> 8 : std::max(seen >> 8, s.near >> 4);
        int shift = 0;
        while (shift < kMostShift && typical >> shift >= 4) ++shift;
        const uint32_t part = f < kMeanTargets ? static_cast<uint32_t>((expected + 128) >> 6 & 3) : 0;
        const uint32_t contexts[] = {
            name(f),
            level(s.near) * 24 + band,
            (least(12u, s.n1 >> shift) * 13 + least(12u, s.n2 >> shift)) * 24 + band,
            level(s.below) * 40 + level(s.before),
            level(s.beside) * 40 + level(s.before + s.below),
            (level(s.mean) * 24 + band) * 2 + (part != 0),
            level(s.mean) * 40 + level(s.near),
            (s.still * 12 + s.twins) * 4 + part,
        };
        coder_.mixer.choose(contexts, level(s.near) * 24 + band, level(s.mean) * 6 + least(5u, s.n1 + s.n2));
        const int64_t e = coder_.code(q[f] - base, shift), x = base + e;
        if (x < -kMostValue || x > kMostValue) throw DesyncError("the stream holds a number beyond the allowed");
        follow(f, size(x), size(e));
        return x;
    }

    int64_t mean_of(long f) const {
        if (block_ == 0 || !job_.means) return 0;
        const int32_t* weight = job_.means + (channel_ * kMeanTargets + f) * kMeanTaps;
        const int32_t* before = row(block_ - 1, channel_);
        int64_t sum = 0;
        for (long i = 0; i < kMeanTaps && i < length_; ++i) sum += static_cast<int64_t>(weight[i]) * before[i];
        const int64_t most = kMostValue << 7;
        return (sum >> 8) < -most ? -most : (sum >> 8) > most ? most : sum >> 8;
    }

    void follow(long f, int64_t x, int64_t e) {
        int64_t &mean = mean_[channel_ * length_ + f], &scale = scale_[channel_ * length_ + f];
        mean += (least<int64_t>(x, 1 << 18) * 64 - mean) / 12;
        scale += (least<int64_t>(e, 1 << 18) * 256 - scale) / 8;
    }

    BlockJob& job_;
    IntegerCoder<Bits> coder_;
    long length_, block_ = 0, channel_ = 0;
    std::vector<int64_t> mean_, scale_;  // of each channel and frequency: size in 1/64, error in 1/256
    std::vector<int64_t> rest_;          // of each channel: sum of sizes from a frequency up, in the last block
    std::vector<int32_t> empty_;
};
