// SPDX-License-Identifier: Apache-2.0
// What is coded with context mixing: a grid of integers in time and channels, or blocks of transform coefficients.
#pragma once

#include <cstdint>
#include <vector>

#include "mixing_bits.hpp"
#include "mixing_state.hpp"

namespace tinify::mixing {

enum class Mode { encode, decode, cost, learn };

constexpr int64_t kMostValue = int64_t{1} << 30;  // largest size of an integer
constexpr int kMeanTaps = 8, kMeanTargets = 4;

// Linear predictions, 16 bits after the point: channel c has features [first[c], first[c + 1]).
struct Features {
    const int32_t *first, *lag, *channel, *weight;
};

struct Job {
    Mode mode;
    State* state;            // learns
    int32_t* values;         // read, or written when decoding
    const uint8_t* bytes = nullptr;  // of the stream that is decoded
    size_t size = 0;
    std::vector<uint8_t> out{};
    double bits = 0;
};

struct GridJob : Job {
    long rows, channels;
    const int32_t* reference;  // [channels]: the channel that each resembles most, or -1
    const Features* features;  // null: none
};

struct PictureJob : Job {
    long components, height, width, levels;  // of a wavelet transform, coarse bands in the upper left corner
};

struct BlockJob : Job {
    long blocks, channels, length;
    const int32_t* means;  // [channels][kMeanTargets][kMeanTaps] weights of the block before, 16 bits after the point
};

Shape grid_shape();
Shape block_shape();
Shape picture_shape();

struct Kernels {
    const char* name;
    void (*grid)(GridJob&);
    void (*blocks)(BlockJob&);
    void (*picture)(PictureJob&);
};

// The widest that this processor has, or the one that TINIFY_SIMD names; all give the same bytes.
const Kernels& kernels();
const Kernels* find_kernels(const char* name);

extern const Kernels kPortableKernels, kAvx2Kernels, kAvx512Kernels;

}  // namespace tinify::mixing
