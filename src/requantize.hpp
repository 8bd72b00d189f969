// SPDX-License-Identifier: Apache-2.0
// From a row of 16-bit counts to the 12-bit row that codes it with the fewest bits.
#pragma once

#include <cstdint>
#include <vector>

#include "tables.hpp"

namespace tinify {

constexpr uint32_t kFastPrecision = 12;
constexpr uint32_t kFastTotal = 1u << kFastPrecision;
constexpr int kMaxSpan = 255;  // values -127 ... 127; the byte -128 is the escape

// Bin h in [-127, 127] stands for the values v with (v >> shift) == h + anchor.
struct FastRow {
    int32_t anchor = 0;
    int32_t shift = 0;
    uint16_t freq[256] = {};  // by h & 255; [128] is the escape's
    int64_t excess = 0;       // expected bits above the 16-bit row's entropy, times 2^(16 + kLogBits)
    int64_t entropy = 0;      // of the 16-bit row, in the same unit
};

// Counts with sum `kFastTotal`, each at least 1, that minimise sum(-weights * log2(counts)). Needs 1 ... 4096 weights.
std::vector<uint16_t> optimal_counts(const std::vector<uint32_t>& weights);

// False where no split of the row fits in 255 bins.
bool requantize(const Tables& tables, const Row& row, FastRow& out);

}  // namespace tinify
