// SPDX-License-Identifier: Apache-2.0
// The loops of lifting, included once for each instruction set: namespace TINIFY_SIMD. Plain loops, which compilers
// vectorise; it includes nothing, so that no library code is compiled for what the processor may lack.

namespace tinify::fast::TINIFY_SIMD {

#define TINIFY_INLINE inline __attribute__((always_inline))

// Factors, scale and rounding are those of tinify/transforms/lifting.py; a test holds both together.
struct NineSeven {
    using Number = float;
    static constexpr int kSteps = 4;
    static constexpr float kFactors[] = {-1.586134342059924f, -0.052980118572961f, 0.882911075530934f,
                                         0.443506852043971f};

    template <int step, bool inverse>
    static TINIFY_INLINE float lift(float x, float before, float after) {
        const float change = (before + after) * kFactors[step];
        return inverse ? x - change : x + change;
    }
    static TINIFY_INLINE float scaled(float x, float scale) { return x * scale; }
};

struct FiveThree {
    using Number = int32_t;
    static constexpr int kSteps = 2;

    // Unsigned sums, because those of hostile numbers wrap.
    template <int step, bool inverse>
    static TINIFY_INLINE int32_t lift(int32_t x, int32_t before, int32_t after) {
        const uint32_t sum = static_cast<uint32_t>(before) + static_cast<uint32_t>(after);
        const auto change = static_cast<uint32_t>(static_cast<int32_t>(sum + (step ? 2 : 0)) >> (step ? 2 : 1));
        const bool minus = (step == 0) != inverse;
        const auto value = static_cast<uint32_t>(x);
        return static_cast<int32_t>(minus ? value - change : value + change);
    }
    static TINIFY_INLINE int32_t scaled(int32_t x, float) { return x; }
};

// One step along a row: steps 0, 2 change the high half by its neighbours in the low one, the others the reverse. What
// lies beyond an end is what lies as far on this side of it.
template <class Rule, int step, bool inverse, class T = typename Rule::Number>
TINIFY_INLINE void along(T* __restrict low, T* __restrict high, long lows, long highs) {
    if constexpr (step % 2 == 0) {
        low[lows] = low[lows - 1];
        for (long i = 0; i < highs; ++i) high[i] = Rule::template lift<step, inverse>(high[i], low[i], low[i + 1]);
    } else {
        high[-1] = high[0];
        high[highs] = high[highs - 1];
        for (long i = 0; i < lows; ++i) low[i] = Rule::template lift<step, inverse>(low[i], high[i - 1], high[i]);
    }
}

template <class Rule, int step = 0, class T = typename Rule::Number>
TINIFY_INLINE void forth(T* low, T* high, long lows, long highs) {
    if constexpr (step < Rule::kSteps) {
        along<Rule, step, false>(low, high, lows, highs);
        forth<Rule, step + 1>(low, high, lows, highs);
    }
}

template <class Rule, int step = Rule::kSteps - 1, class T = typename Rule::Number>
TINIFY_INLINE void back(T* low, T* high, long lows, long highs) {
    if constexpr (step >= 0) {
        along<Rule, step, true>(low, high, lows, highs);
        back<Rule, step - 1>(low, high, lows, highs);
    }
}

template <class Rule, class T = typename Rule::Number>
void split(const T* __restrict x, T* __restrict low, T* __restrict high, long size) {
    const long highs = size / 2, lows = size - highs;
    for (long i = 0; i < highs; ++i) {
        low[i] = x[2 * i];
        high[i] = x[2 * i + 1];
    }
    if (lows > highs) low[highs] = x[2 * highs];
    if (highs) forth<Rule>(low, high, lows, highs);
}

template <class Rule, class T = typename Rule::Number>
void join(T* __restrict low, T* __restrict high, T* __restrict x, long size) {
    const long highs = size / 2, lows = size - highs;
    if (highs) back<Rule>(low, high, lows, highs);
    for (long i = 0; i < highs; ++i) {
        x[2 * i] = low[i];
        x[2 * i + 1] = high[i];
    }
    if (lows > highs) x[2 * highs] = low[highs];
}

// All steps at one column: each takes what lies before, at and after the number that it changes from the step before
// it. `state` keeps what the next pair of rows will need.
template <class Rule, bool inverse, int step = 0, class T = typename Rule::Number>
TINIFY_INLINE void through(T* const* state, long i, T now, T after, T& last, T& before_last) {
    constexpr int kStep = inverse ? Rule::kSteps - 1 - step : step;
    T* const row = state[step];
    const T before = row[i], value = Rule::template lift<kStep, inverse>(now, before, after);
    row[i] = after;
    if constexpr (step + 1 < Rule::kSteps) {
        through<Rule, inverse, step + 1>(state, i, before, value, last, before_last);
    } else {
        last = value;
        before_last = after;
    }
}

template <class Rule, bool inverse, class T = typename Rule::Number>
void across(const T* const (&in)[2], T* state, long stride, T* const (&out)[2], const float (&scale)[2], long size) {
    const T* const first = in[0];
    const T* const second = in[1];
    T* const last = out[0];
    T* const before_last = out[1];
    T* rows[Rule::kSteps];
    for (int step = 0; step < Rule::kSteps; ++step) rows[step] = state + step * stride;
    const float first_scale = scale[0], second_scale = scale[1];
#ifdef __clang__
#pragma clang loop vectorize(assume_safety)
#else
#pragma GCC ivdep
#endif
    for (long i = 0; i < size; ++i) {
        T one, other;
        if constexpr (inverse) {
            through<Rule, true>(rows, i, Rule::scaled(first[i], first_scale), Rule::scaled(second[i], second_scale),
                                one, other);
            last[i] = one;
            before_last[i] = other;
        } else {
            through<Rule, false>(rows, i, first[i], second[i], one, other);
            last[i] = Rule::scaled(one, first_scale);
            before_last[i] = Rule::scaled(other, second_scale);
        }
    }
}

template <class Rule>
constexpr LiftingSteps<typename Rule::Number> kSteps = {Rule::kSteps / 2, split<Rule>, join<Rule>,
                                                        across<Rule, false>, across<Rule, true>};

constexpr LiftingKernels kLifting = {kSteps<NineSeven>, kSteps<FiveThree>};

}  // namespace tinify::fast::TINIFY_SIMD
