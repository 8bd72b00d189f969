// SPDX-License-Identifier: Apache-2.0
// Wavelets by lifting, level after level: 9/7 of floats, 5/3 of integers. The same bits on every instruction set and
// for any number of threads: there is no fused multiply-add, and each number is computed from the same ones wherever
// it falls.
#pragma once

#include <cstdint>

namespace tinify::fast {

// One row or a pair of rows at a time; `inverse` undoes. See lifting_simd.hpp.
template <class T>
struct LiftingSteps {
    // How many rows a pair of low and high rows needs ahead: half the number of steps.
    int pairs;
    // x[size] -> low[ceil(size / 2)], high[floor(size / 2)]; both have one number more to either side to write to.
    void (*split)(const T* x, T* low, T* high, long size);
    void (*join)(T* low, T* high, T* x, long size);
    // All steps along columns, one pair of rows in and one out. state: rows `stride` apart, what the pairs before left.
    // Analysis: in an odd row and the even one after it, out a low row and a high one, times `scale` of each.
    // Synthesis: in a low row and a high one, times `scale` of each, out an odd row and the even one before it.
    using Pass = void(const T* const (&in)[2], T* state, long stride, T* const (&out)[2], const float (&scale)[2],
                      long size);
    Pass *down, *up;
};

struct LiftingKernels {
    LiftingSteps<float> nine_seven;
    LiftingSteps<int32_t> five_three;
};

extern const LiftingKernels kPortableLifting, kAvx2Lifting, kAvx512Lifting;

constexpr int kMostLevels = 64;

// x: `planes` of height x width, whose rows and planes lie `row` and `plane` numbers apart.
template <class T>
struct Planes {
    T* data;
    long plane, row;
};

struct LiftingShape {
    long planes, height, width;
    int levels;  // <= kMostLevels
};

// y, whole planes without gaps, becomes the subbands of x in Mallat's arrangement.
void analyse(const Planes<const float>& x, const Planes<float>& y, const LiftingShape& shape, int threads);
void analyse(const Planes<const int32_t>& x, const Planes<int32_t>& y, const LiftingShape& shape, int threads);
// And back.
void synthesise(const Planes<const float>& y, const Planes<float>& x, const LiftingShape& shape, int threads);
void synthesise(const Planes<const int32_t>& y, const Planes<int32_t>& x, const LiftingShape& shape, int threads);

}  // namespace tinify::fast
