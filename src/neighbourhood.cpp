// SPDX-License-Identifier: Apache-2.0
#include "neighbourhood.hpp"

#include <algorithm>
#include <vector>

namespace tinify {

namespace {

constexpr int64_t kStretch = 4096;  // so that sums stay in the cache

// Every place is summed, those between the lattice's too: loops without gaps are the fast ones.
void sum_stretch(const uint8_t* sizes, int64_t count, const int64_t* offsets, const uint16_t* weights, size_t taps,
                 uint16_t* sums) {
    std::fill(sums, sums + count, uint16_t{0});
    for (size_t t = 0; t < taps; ++t) {
        const uint8_t* from = sizes + offsets[t];
        const uint16_t weight = weights[t];
        for (int64_t j = 0; j < count; ++j) sums[j] = static_cast<uint16_t>(sums[j] + weight * from[j]);
    }
}

}  // namespace

void neighbourhood_bins(const uint8_t* sizes, const Lattice& places, const int64_t* offsets, const uint16_t* weights,
                        size_t taps, const uint8_t* bins, uint8_t* out) {
    if (places.empty()) return;
    const int64_t stretch = kStretch / places.across * places.across;
    const int64_t width = (places.columns - 1) * places.across + 1;
    std::vector<uint16_t> sums(static_cast<size_t>(std::min(stretch, width)));
    for (long i = 0; i < places.rows; ++i) {
        const uint8_t* row = sizes + places.first + i * places.down;
        for (int64_t begin = 0; begin < width; begin += stretch) {
            const int64_t count = std::min(stretch, width - begin);
            sum_stretch(row + begin, count, offsets, weights, taps, sums.data());
            for (int64_t j = 0; j < count; j += places.across) *out++ = bins[sums[static_cast<size_t>(j)]];
        }
    }
}

void put_sizes(uint8_t* sizes, const Lattice& places, const int32_t* values) {
    for (long i = 0; i < places.rows; ++i) {
        uint8_t* row = sizes + places.first + i * places.down;
        for (long j = 0; j < places.columns; ++j) {
            const int64_t value = *values++;
            row[j * places.across] = static_cast<uint8_t>(std::min<int64_t>(value < 0 ? -value : value, 255));
        }
    }
}

}  // namespace tinify
