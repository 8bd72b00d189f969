// SPDX-License-Identifier: Apache-2.0
// Which table codes a number: the sizes of numbers around it that are known already, weighed and summed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tinify {

// Places first + i * down + j * across of an array.
struct Lattice {
    int64_t first = 0, down = 0, across = 1;
    long rows = 0, columns = 0;

    bool empty() const { return !rows || !columns; }
    int64_t last() const { return first + (rows - 1) * down + (columns - 1) * across; }
};

constexpr long kWidestAcross = 8;

// out[i][j] = bins[sum over taps of weights[t] * sizes[place + offsets[t]]], of sums that stay below 2^16.
void neighbourhood_bins(const uint8_t* sizes, const Lattice& places, const int64_t* offsets, const uint16_t* weights,
                        size_t taps, const uint8_t* bins, uint8_t* out);

// sizes[place] = min(|values[i][j]|, 255).
void put_sizes(uint8_t* sizes, const Lattice& places, const int32_t* values);

// counts[bin * width + min(|value|, width - 1)] += 1 for each number; bins are those that `counts` has room for.
void count_sizes(const uint8_t* bins, const int32_t* values, size_t count, size_t width, int64_t* counts);

}  // namespace tinify
