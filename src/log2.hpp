// SPDX-License-Identifier: Apache-2.0
// Logarithms in integers, so that every machine derives the same tables.
#pragma once

#include <cstdint>
#include <vector>

namespace tinify {

constexpr int kLogBits = 24;

// log2(n) * 2^24, rounded down, for n in 1 ... 65536.
inline uint32_t compute_log2(uint32_t n) {
    uint32_t whole = 0;
    while (n >> (whole + 1)) ++whole;
    uint64_t mantissa = static_cast<uint64_t>(n) << (31 - whole);  // in [1, 2), 31 fractional bits
    uint32_t result = whole;
    for (int i = 0; i < kLogBits; ++i) {
        mantissa = (mantissa * mantissa) >> 31;
        const uint32_t bit = static_cast<uint32_t>(mantissa >> 32);
        mantissa >>= bit;
        result = result << 1 | bit;
    }
    return result;
}

inline uint32_t log2_fixed(uint32_t n) {
    static const std::vector<uint32_t> table = [] {
        std::vector<uint32_t> logs(65537);
        for (uint32_t i = 1; i <= 65536; ++i) logs[i] = compute_log2(i);
        return logs;
    }();
    return table[n];
}

}  // namespace tinify
