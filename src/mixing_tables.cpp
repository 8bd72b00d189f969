// SPDX-License-Identifier: Apache-2.0
// Compiled without contraction to fused operations, which would round differently.
#include "mixing_tables.hpp"

namespace tinify::mixing {

namespace {

constexpr double kSteps = 170.0;

double exponential(double x) {  // e^x for |x| <= 64
    double y = x / 256, term = 1, sum = 1;
    for (int i = 1; i <= 12; ++i) {
        term = term * y / i;
        sum = sum + term;
    }
    for (int i = 0; i < 8; ++i) sum = sum * sum;
    return sum;
}

double logarithm(double x) {  // ln x for 0 < x < 2^20, by Newton's rounds
    double y = 0;
    for (int i = 0; i < 60; ++i) {
        const double e = exponential(y);
        y = y + 2 * (x - e) / (x + e);
    }
    return y;
}

int32_t nearest(double x) {
    const double moved = x + (x < 0 ? -0.5 : 0.5);
    return static_cast<int32_t>(moved);
}

uint16_t probability(double p) {
    const double scaled = p * 65536;
    return static_cast<uint16_t>(scaled < 2 ? 2 : scaled > 65534 ? 65534 : nearest(scaled));
}

Tables make() {
    Tables t;
    for (int i = 0; i < 4096; ++i) {
        const double p = (i + 0.5) / 4096;
        t.stretch[i] = static_cast<int16_t>(nearest(logarithm(p / (1 - p)) * kSteps));
        t.squash[i] = probability(1 / (1 + exponential((2048 - i) / kSteps)));
    }
    for (int i = 0; i < kCounts; ++i) t.rate[i] = static_cast<uint32_t>(65536 / (i + 1.6));
    for (int i = 0; i <= kTailSteps; ++i)
        t.tail[i] = static_cast<uint32_t>(nearest(kOne / (1 + exponential(i / 256.0))));
    for (int i = 0; i < 1024; ++i) t.log[i] = static_cast<int16_t>(nearest(logarithm(1 + i / 1024.0) * kSteps));
    return t;
}

}  // namespace

const Tables& tables() {
    static const Tables made = make();
    return made;
}

}  // namespace tinify::mixing
