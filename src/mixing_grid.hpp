// SPDX-License-Identifier: Apache-2.0
// A grid of integers, row after row: each is its difference from the one before in its channel, under contexts of the
// differences so far, of the channel that it resembles most, of the values themselves, and of six logistic experts
// around predictions: linear features, these corrected by an adaptive filter, the last value, the last slope.
// Included once for each instruction set, inside its namespace.

struct GridChannel {
    static constexpr int kTaps = 16, kPredictions = 4;

    int64_t fast = 512, slow = 512;                                // mean size of a difference, in 1/256
    int64_t quick[kPredictions], calm[kPredictions];               // mean error of a prediction, in 1/256
    int64_t prediction[kPredictions];
    int64_t e1 = 0, e2 = 0, e3 = 0;
    int run = 0;
    int32_t filter[kTaps] = {}, history[kTaps] = {};               // adaptive filter of what the features leave
    int64_t power = 0;

    GridChannel() { for (int i = 0; i < kPredictions; ++i) quick[i] = calm[i] = 256; }

    void predict(int64_t mean, int64_t last, int64_t before) {
        int64_t correction = 0;
        if (power) for (int i = 0; i < kTaps; ++i) correction += static_cast<int64_t>(filter[i]) * history[i];
        prediction[0] = mean;
        prediction[1] = mean + (correction >> 16);
        prediction[2] = last << 8;
        prediction[3] = (2 * last - before) << 8;
    }

    void learn(int64_t x, int64_t e) {
        const int64_t size = least<int64_t>(e < 0 ? -e : e, 1 << 20) << 8;
        fast += (size - fast) / 6;
        slow += (size - slow) / 40;
        for (int i = 0; i < kPredictions; ++i) {
            const int64_t off = (x << 8) - prediction[i];
            const int64_t error = least<int64_t>(off < 0 ? -off : off, 1 << 28);
            quick[i] += (error - quick[i]) / 8;
            calm[i] += (error - calm[i]) / 64;
        }
        follow(limited_to((x << 8) - prediction[1]), limited_to((x << 8) - prediction[0]));
        e3 = e2;
        e2 = e1;
        e1 = e;
        run = e == 0 ? least(run + 1, 15) : 0;
    }

private:
    static int64_t limited_to(int64_t x) { return x < -(1 << 24) ? -(1 << 24) : x > 1 << 24 ? 1 << 24 : x; }

    void follow(int64_t error, int64_t newest) {  // normalised least mean squares
        if (power && error) {
            // |error| <= 2^24 and history^2 <= 2^8 power, so the products stay below 2^52.
            const int64_t gain = (error << 23) / (power + 1);
            for (int i = 0; i < kTaps; ++i) {
                const int64_t step = (gain * history[i]) >> 24;
                filter[i] += static_cast<int32_t>(step < -2000 ? -2000 : step > 2000 ? 2000 : step);
            }
        }
        const int64_t gone = history[kTaps - 1];
        power += ((newest * newest) >> 8) - ((gone * gone) >> 8);
        for (int i = kTaps - 1; i > 0; --i) history[i] = history[i - 1];
        history[0] = static_cast<int32_t>(newest);
    }
};

// Size classes of differences in units of 2^shift.
inline uint32_t size_class(int64_t e, int shift) {
    static constexpr uint8_t kClass[16] = {0, 1, 2, 3, 4, 4, 5, 5, 5, 6, 6, 6, 6, 6, 7, 7};
    const uint64_t a = static_cast<uint64_t>(e < 0 ? -e : e) >> shift;
    return a < 16 ? kClass[a] : a < 20 ? 7 : a < 32 ? 8 : a < 64 ? 9 : a < 128 ? 10 : 11;
}

inline uint32_t signed_class(int64_t e, int shift) {  // 0 ... 12, 6 is zero
    static constexpr uint8_t kClass[9] = {0, 1, 2, 3, 3, 4, 4, 4, 4};
    const uint64_t a = static_cast<uint64_t>(e < 0 ? -e : e) >> shift;
    const uint32_t c = a < 9 ? kClass[a] : a < 18 ? 5 : 6;
    return e < 0 ? 6 - c : 6 + c;
}

inline uint32_t offset_class(int64_t d, int shift) {  // of a prediction from the last value, 0 ... 32, 16 is none
    const uint64_t a = static_cast<uint64_t>(d < 0 ? -d : d) >> shift;
    const uint32_t c = a < 32     ? 0
                       : a < 224  ? static_cast<uint32_t>((a + 32) >> 6)
                       : a < 1024 ? static_cast<uint32_t>(4 + ((a - 224) >> 7))
                       : a < 1536 ? 11
                       : a < 2304 ? 12
                       : a < 4096 ? 13
                       : a < 8192 ? 14
                                  : 15;
    return d < 0 ? 16 - c : 16 + c;
}

template <class Bits>
class GridCoder {
public:
    GridCoder(GridJob& job, Bits& bits)
        : job_(job), coder_(*job.state, {250, 20, 3}, bits), channel_(job.channels), now_(job.channels),
          past_(job.channels) {}

    void run() {
        for (long t = 0; t < job_.rows; ++t) {
            for (long c = 0; c < job_.channels; ++c) code(t, c);
            past_ = now_;
        }
    }

private:
    int64_t value(long t, long c) const { return t < 0 ? 0 : job_.values[t * job_.channels + c]; }

    int64_t mean(long t, long c, int64_t last) const {
        const Features* f = job_.features;
        if (!f || f->first[c] == f->first[c + 1]) return last << 8;
        int64_t sum = 0;
        for (int i = f->first[c]; i < f->first[c + 1]; ++i) sum += f->weight[i] * value(t - f->lag[i], f->channel[i]);
        const int64_t most = int64_t{1} << 40;
        return (sum >> 8) < -most ? -most : (sum >> 8) > most ? most : sum >> 8;
    }

    void code(long t, long c) {
        GridChannel& h = channel_[c];
        const int64_t last = value(t - 1, c), before = t > 1 ? value(t - 2, c) : last, base = last << 8;
        h.predict(mean(t, c, last), last, before);
        static constexpr int kOf[6] = {0, 1, 2, 3, 1, 0};
        for (int i = 0; i < 6; ++i) {
            const bool quick = i == 0 || i == 1 || i == 3;
            coder_.expert[i].set(h.prediction[kOf[i]] - base, (quick ? h.quick : h.calm)[kOf[i]] * 185 >> 8);
        }
        int shift = 0;
        while (shift < kMostShift && ((3 * h.fast + h.slow) >> (10 + shift)) >= 4) ++shift;
        choose(h, c, last, base, shift);
        const int64_t e = coder_.code(job_.values[t * job_.channels + c] - last, shift);
        const int64_t x = last + e;
        if (x < -kMostValue || x > kMostValue) throw DesyncError("the stream holds a number beyond the allowed");
        if (job_.mode == Mode::decode) job_.values[t * job_.channels + c] = static_cast<int32_t>(x);
        h.learn(x, e);
        now_[c] = e;
    }

    void choose(const GridChannel& h, long c, int64_t last, int64_t base, int shift) {
        const uint32_t fast = least<uint32_t>(79, octaves(h.fast >> 3)), slow = least<uint32_t>(79, octaves(h.slow >> 3));
        const int32_t other = job_.reference[c];
        const int64_t beside = other < 0 ? 0 : other < c ? now_[other] : past_[other], left = c > 0 ? now_[c - 1] : 0;
        const uint32_t to_best = offset_class(h.prediction[1] - base, shift);
        const uint32_t to_mean = offset_class(h.prediction[0] - base, shift);
        const auto size = [](int64_t e) { return e < 0 ? -e : e; };
        const uint32_t coarse = to_best < 13 ? 0 : to_best < 16 ? 1 : to_best == 16 ? 2 : to_best < 20 ? 3 : 4;
        const uint32_t name = static_cast<uint32_t>(last) * 2654435761u ^ static_cast<uint32_t>(c) * 2654409777u;
        const uint32_t contexts[] = {
            to_best * 20 + least<uint32_t>(19, fast / 2),
            slow * 12 + size_class(h.e1, shift),
            (signed_class(h.e1, shift) * 13 + signed_class(h.e2, shift)) * 5 + coarse,
            fast * 13 + signed_class(beside, shift),
            name * 2246822519u >> 20,
            least<uint32_t>(39, slow / 2) * 16 + static_cast<uint32_t>(c & 15),
            least<uint32_t>(63, fast) * 12 +
                size_class((size(h.e1) + size(h.e2) + size(h.e3) + size(beside) + 1) / 2, shift),
            static_cast<uint32_t>(h.run) * 64 + least<uint32_t>(7, slow / 4) * 8 +
                least<uint32_t>(7, size_class(h.e2 + h.e3, shift)),
            to_mean * 13 + signed_class(h.e1, shift),
        };
        const uint32_t set0 = least<uint32_t>(39, fast) * 4 + static_cast<uint32_t>(least(shift, 3));
        coder_.mixer.choose(contexts, set0, static_cast<uint32_t>(h.run) * 12 + size_class(left, shift));
    }

    GridJob& job_;
    IntegerCoder<Bits> coder_;
    std::vector<GridChannel> channel_;
    std::vector<int64_t> now_, past_;  // differences of this row and of the one before
};
