// SPDX-License-Identifier: Apache-2.0
// The inner loops of token priors in integers, one set for each instruction set; every set gives the same integers.
// The formulas are those of tinify/entropy_models/fixed_point.py.
#pragma once

#include <cstdint>

namespace tinify::tokens {

constexpr int kPanel = 16;       // rows of a packed weight panel, [pairs of columns][kPanel][2]
constexpr int kDrop = 10;        // bits that a sum of products loses before it is scaled
constexpr int kSigmoidBits = 14;
constexpr int kTable = 4096;     // entries of an activation table over [-8, 8)
constexpr int kTableShift = 3;
constexpr int kStateMax = 32767;

// y = clamp((((sum w x) >> kDrop) * multiplier + half >> shift) + bias, low, high), all within 32 bits.
struct Matrix {
    const int16_t* panels;
    const int32_t* multiplier;
    const int32_t* bias;
    int columns, rows;  // multiples of 2 and of kPanel
    int shift;
    int32_t low, high;
};

struct Activations {
    const int32_t* sigmoid;  // 14 fraction bits
    const int32_t* tanh;     // 15
};

// A codebook to search: [dim][room] and half the squared lengths [room], room a multiple of kPanel.
struct Search {
    const float* columns;
    const float* halves;
    int dim, codes, room;
};

struct Kernels {
    // y[lane][rows] of x[lane][columns].
    void (*linear)(const Matrix&, const int16_t* x, int lanes, int32_t* y);
    // One lane of a GRU: the rows of the input table are added up; own = W_h state + b, [3][hidden]. Updates the state.
    void (*gates)(const Activations&, const int16_t* const* rows, int count, const int32_t* own, int hidden,
                  int16_t* state);
    // weights[i] = 65536 * 2^-((max - logits[i]) / 1024); groups[g] sums 16 of them. `codes` logits count, the room is a
    // multiple of 16. Returns the largest logit.
    int32_t (*weights)(const int32_t* logits, int codes, uint32_t* weights, uint32_t* groups);
    // The code of least |y - c|^2 / 2 + weight * min(16, whole + (largest - logit) / 1024): float, for encoders only.
    int (*nearest)(const Search&, const float* y, const int32_t* logits, int32_t largest, float whole, float weight,
                   float* costs);
};

// The widest that this processor has, or what the coders use (TINIFY_SIMD, use_simd).
const Kernels& kernels();

extern const Kernels kPortable, kAvx2, kAvx512;

}  // namespace tinify::tokens
