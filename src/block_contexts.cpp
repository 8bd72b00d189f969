// SPDX-License-Identifier: Apache-2.0
#include "block_contexts.hpp"

#include <algorithm>
#include <cstdlib>
#include <vector>

namespace tinify::blocks {
namespace {

constexpr uint32_t kMostSum = 0xFFFF;
constexpr int kLow = kFine - kUnit;

void add_sizes(const int16_t* from, int32_t weight, long count, uint32_t* sums) {
    for (long j = 0; j < count; ++j) sums[j] += static_cast<uint32_t>(weight * std::abs(static_cast<int32_t>(from[j])));
}

void add_values(const int16_t* from, int32_t weight, long count, int32_t* sums) {
    for (long j = 0; j < count; ++j) sums[j] += weight * from[j];
}

}  // namespace

void contexts(const int16_t* values, const Places& places, const Taps& sizes, const Taps& sums, uint32_t of_expected,
              uint32_t step, const uint8_t* bins, uint8_t* size, int8_t* value) {
    const long count = places.columns;
    std::vector<uint32_t> around(static_cast<size_t>(count));
    std::vector<int32_t> expected(static_cast<size_t>(count));
    for (long i = 0; i < places.rows; ++i, size += count, value += count) {
        const int16_t* row = values + places.first + i * places.down;
        std::fill(around.begin(), around.end(), 0u);
        std::fill(expected.begin(), expected.end(), 0);
        for (size_t t = 0; t < sizes.count; ++t) add_sizes(row + sizes.offsets[t], sizes.weights[t], count, around.data());
        for (size_t t = 0; t < sums.count; ++t) add_values(row + sums.offsets[t], sums.weights[t], count, expected.data());
        for (long j = 0; j < count; ++j) {
            const uint32_t far = static_cast<uint32_t>(std::abs(expected[j])) >> kLow;
            const uint64_t sum = around[j] + (uint64_t{far} * of_expected >> kUnit);
            size[j] = bins[std::min<uint64_t>(sum / step, kMostSum)];
            const int8_t bin = static_cast<int8_t>(bins[std::min(far / step, kMostSum)]);
            value[j] = static_cast<int8_t>(expected[j] < 0 ? ~bin : bin);
        }
    }
}

void put(int16_t* values, const Places& places, uint32_t step, const int32_t* coefficients) {
    for (long i = 0; i < places.rows; ++i) {
        int16_t* row = values + places.first + i * places.down;
        for (long j = 0; j < places.columns; ++j) {
            const int64_t whole = static_cast<int64_t>(*coefficients++) * step;
            row[j] = static_cast<int16_t>(std::clamp<int64_t>(whole, -32767, 32767));
        }
    }
}

}  // namespace tinify::blocks
