// SPDX-License-Identifier: Apache-2.0
#include "neighbourhood.hpp"

#include <algorithm>
#include <cstring>

// The compiler makes a version for each of these instruction sets and takes the best that the machine has.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define TINIFY_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define TINIFY_CLONES
#endif

namespace tinify {

namespace {

constexpr long kLanes = 16, kVectors = 4, kBlock = kLanes * kVectors;

typedef uint16_t Sums __attribute__((vector_size(2 * kLanes)));
typedef uint8_t Sizes __attribute__((vector_size(kLanes)));

struct Taps {
    const int64_t* offsets;
    const uint16_t* weights;
    size_t count;
};

uint16_t sum_at(const uint8_t* place, const Taps& taps) {
    uint32_t sum = 0;
    for (size_t t = 0; t < taps.count; ++t) sum += taps.weights[t] * uint32_t{place[taps.offsets[t]]};
    return static_cast<uint16_t>(sum);
}

// Even columns of pairs of sizes.
inline __attribute__((always_inline)) Sums first_of_pairs(Sums pairs) {
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? pairs & 0xFF : pairs >> 8;
}

template <long across>
inline __attribute__((always_inline)) void block(const uint8_t* place, const Taps& taps, const uint8_t* bins,
                                                 uint8_t* out) {
    static_assert(across == 1 || across == 2);
    Sums sums[kVectors] = {};
    for (size_t t = 0; t < taps.count; ++t) {
        const uint8_t* from = place + taps.offsets[t];
        for (long v = 0; v < kVectors; ++v, from += across * kLanes) {
            if constexpr (across == 2) {
                Sums pairs;
                std::memcpy(&pairs, from, sizeof pairs);
                sums[v] += first_of_pairs(pairs) * taps.weights[t];
            } else {
                Sizes sizes;
                std::memcpy(&sizes, from, sizeof sizes);
                sums[v] += __builtin_convertvector(sizes, Sums) * taps.weights[t];
            }
        }
    }
    for (long j = 0; j < kBlock; ++j) out[j] = bins[sums[j / kLanes][j % kLanes]];
}

// Columns of a row in blocks; returns how many. The last column is in none: a block of pairs reads one size beyond its
// places. The last block covers some columns twice.
template <long across>
inline __attribute__((always_inline)) long blocks(const uint8_t* row, long columns, const Taps& taps,
                                                  const uint8_t* bins, uint8_t* out) {
    const long whole = columns - 1;
    if (whole < kBlock) return 0;
    for (long j = 0; j < whole; j += kBlock) {
        const long first = std::min(j, whole - kBlock);
        block<across>(row + first * across, taps, bins, out + first);
    }
    return whole;
}

TINIFY_CLONES void bins_of_rows(const uint8_t* sizes, const Lattice& places, const Taps& taps, const uint8_t* bins,
                                uint8_t* out) {
    for (long i = 0; i < places.rows; ++i, out += places.columns) {
        const uint8_t* row = sizes + places.first + i * places.down;
        long j = 0;
        if (places.across == 1) j = blocks<1>(row, places.columns, taps, bins, out);
        if (places.across == 2) j = blocks<2>(row, places.columns, taps, bins, out);
        for (; j < places.columns; ++j) out[j] = bins[sum_at(row + j * places.across, taps)];
    }
}

}  // namespace

void neighbourhood_bins(const uint8_t* sizes, const Lattice& places, const int64_t* offsets, const uint16_t* weights,
                        size_t taps, const uint8_t* bins, uint8_t* out) {
    if (!places.empty()) bins_of_rows(sizes, places, {offsets, weights, taps}, bins, out);
}

void count_sizes(const uint8_t* bins, const int32_t* values, size_t count, size_t width, int64_t* counts) {
    for (size_t i = 0; i < count; ++i) {
        const uint32_t size = values[i] < 0 ? 0u - static_cast<uint32_t>(values[i]) : static_cast<uint32_t>(values[i]);
        ++counts[bins[i] * width + std::min<size_t>(size, width - 1)];
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
