// SPDX-License-Identifier: Apache-2.0
// What to expect of a coefficient of a block transform, of the coefficients around it that are known already.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tinify::blocks {

// Rows of places that follow each other without gaps: first + i * down + j.
struct Places {
    int64_t first, down;
    long rows, columns;
};

constexpr int kUnit = 7;    // weights of sizes are in 1 / 2^7
constexpr int kFine = 10;   // weights of values in 1 / 2^10
constexpr uint32_t kMostOfSizes = 1 << 15, kMostOfValues = 1 << 16;  // sums of absolute weights: 31 bits suffice

// Neighbours at these offsets, and what each counts.
struct Taps {
    const int64_t* offsets;
    const int32_t* weights;
    size_t count;
};

// size[i][j]  = bins[min(sum of `sizes` over |v| + of_expected |e|, in 1/128 of a step, 65535)]
// value[i][j] = bins[min(|e| in 1/128 of a step, 65535)], its complement where e is negative; e = sum of `sums` over v
void contexts(const int16_t* values, const Places& places, const Taps& sizes, const Taps& sums, uint32_t of_expected,
              uint32_t step, const uint8_t* bins, uint8_t* size, int8_t* value);

// values[first + i * down + j] = coefficients[i][j] * step within 16 bits.
void put(int16_t* values, const Places& places, uint32_t step, const int32_t* coefficients);

}  // namespace tinify::blocks
