// SPDX-License-Identifier: Apache-2.0
// Integer tables of context mixing: probabilities have 16 bits, logits 170 steps a nat.
#pragma once

#include <cstdint>

namespace tinify::mixing {

constexpr int kLogitLimit = 2047;
constexpr int kLogitsPerOctave = 118;  // 170 ln 2
constexpr uint32_t kOne = 1u << 30;    // a mass of 1
constexpr int kTailSteps = 8192;       // the logistic's tail in steps of 1/256 scale, down to exp(-32)
constexpr int kCounts = 256;

struct Tables {
    int16_t stretch[4096];         // of a probability's upper 12 bits
    uint16_t squash[4096];         // of logit + 2048
    uint32_t rate[kCounts];        // 65536 / (count + 1.6)
    uint32_t tail[kTailSteps + 1];  // mass of a logistic beyond x, for x >= 0
    int16_t log[1024];             // logit steps of 1 + i / 1024
};

// The same integers on every machine: made from sums, products and quotients of IEEE doubles in a fixed order.
const Tables& tables();

}  // namespace tinify::mixing
