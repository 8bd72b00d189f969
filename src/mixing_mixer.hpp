// SPDX-License-Identifier: Apache-2.0
// One binary decision: the probabilities that its contexts give are mixed in the logistic domain, and all of them learn.
//
//   contexts -> counters -> logits -+-> mixer by selector 0 -> x0 -+
//   experts  -> masses   -> logits -+-> mixer by selector 1 -> x1 -+-> (x0 + x1) / 2 -> probability -> coder
//
// Source: Mahoney 2005, "Adaptive weighing of context models for lossless data compression"; the weights move along
// the gradient of the coded bits. Only integers, and sums that cannot overflow: any order gives the same.
// Included once for each instruction set, inside its namespace.

struct Expert {  // a logistic around `centre`, both in 1/256 of an integer
    int64_t centre;
    int64_t inverse;  // 2^20 / scale

    void set(int64_t at, int64_t scale) {
        centre = at;
        inverse = (1u << 20) / static_cast<uint32_t>(std::clamp<int64_t>(scale, 8, UINT32_MAX));
    }

    static uint32_t tail(const Tables& t, int64_t x) {  // mass beyond x, in 1/256 scale
        const int64_t size = x < 0 ? -x : x;
        const uint32_t beyond = t.tail[size > kTailSteps ? kTailSteps : size];
        return x < 0 ? kOne - beyond : beyond;
    }
    uint32_t above(const Tables& t, int64_t value) const { return tail(t, ((value - centre) * inverse) >> 12); }
    uint32_t below(const Tables& t, int64_t value) const { return tail(t, ((centre - value) * inverse) >> 12); }
};

inline int logit_of_mass(const Tables& t, uint32_t mass) {
    if (mass == 0) return -kLogitsPerOctave;
    const int top = 31 - __builtin_clz(mass);
    const uint32_t head = top >= 10 ? mass >> (top - 10) : mass << (10 - top);
    return top * kLogitsPerOctave + t.log[head & 1023];
}

inline int limited(int64_t logit) {
    return static_cast<int>(logit < -kLogitLimit ? -kLogitLimit : logit > kLogitLimit ? kLogitLimit : logit);
}

struct Learning {
    uint32_t slow, fast;  // counts at which counters stop slowing down
    int32_t rate;         // of the weights, at most 15
};

struct Mixer {
    Mixer(State& state, const Learning& learning) : s(state), learn(learning), t(tables()) {
        kinds = static_cast<int>(s.shape.contexts.size());
        experts = s.shape.experts;
        std::fill(std::begin(input), std::end(input), 0);
        input[2 * kinds + experts] = 256;
    }

    void choose(const uint32_t* contexts, uint32_t selector0, uint32_t selector1) {
        for (int i = 0; i < kinds; ++i) at[i] = &s.counters[s.first[i] + contexts[i] * kNodes];
        set[0] = s.weights[0].data() + size_t{selector0} * kNodes * kInputs;
        set[1] = s.weights[1].data() + size_t{selector1} * kNodes * kInputs;
    }

    // `stop` and `rest`: each expert's masses of a 1 and of a 0; null where experts have no say.
    template <class Bits>
    int code(Bits& io, int bit, int node, const uint32_t* stop, const uint32_t* rest) {
        for (int i = 0; i < kinds; ++i) {
            const Counter& c = at[i][node];
            const int sure = c.count < 15 ? c.count + 2 : 17;
            input[2 * i] = c.count ? t.stretch[c.slow >> 4] * sure >> 4 : 0;
            input[2 * i + 1] = c.count ? t.stretch[c.fast >> 4] : 0;
        }
        for (int i = 0; i < experts; ++i)
            input[2 * kinds + i] = stop ? limited(logit_of_mass(t, stop[i]) - logit_of_mass(t, rest[i])) : 0;
        int32_t* const w0 = set[0] + node * kInputs;
        int32_t* const w1 = set[1] + node * kInputs;
        const int x0 = dot(w0), x1 = dot(w1);
        const uint32_t one = t.squash[((x0 + x1) >> 1) + 2048];
        bit = io.code(bit, one);
        const int32_t target = bit ? 65535 : 0;
        move(w0, (target - t.squash[x0 + 2048]) * learn.rate);
        move(w1, (target - t.squash[x1 + 2048]) * learn.rate);
        for (int i = 0; i < kinds; ++i) adapt(at[i][node], target);
        return bit;
    }

    State& s;
    const Learning learn;
    const Tables& t;
    int kinds, experts;
    Counter* at[kMostContexts];
    int32_t* set[2];
    alignas(64) int32_t input[kInputs];

private:
    int dot(const int32_t* w) const {
        int32_t sum = 0;  // |w| <= 2^19, |input| < 2^12: each term is below 2^26 after its shift
        for (int i = 0; i < kInputs; ++i) sum += (w[i] * input[i]) >> 6;
        return limited(sum >> (kWeightBits - 6));
    }

    void move(int32_t* w, int32_t error) const {
        for (int i = 0; i < kInputs; ++i) {
            const int32_t moved = w[i] + ((input[i] * (error >> 2) + (1 << 15)) >> 16);
            w[i] = moved < -kWeightLimit ? -kWeightLimit : moved > kWeightLimit ? kWeightLimit : moved;
        }
    }

    void adapt(Counter& c, int32_t target) const {
        const auto step = [&](uint16_t& p, uint32_t limit) {
            const uint32_t count = c.count < limit ? c.count : limit;
            p = static_cast<uint16_t>(p + (((target - p) * static_cast<int64_t>(t.rate[count])) >> 16));
        };
        step(c.slow, learn.slow);
        step(c.fast, learn.fast);
        if (c.count < learn.slow) ++c.count;
    }
};
