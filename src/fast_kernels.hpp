// SPDX-License-Identifier: Apache-2.0
// The vectorised inner loops that the image transforms and searches are made of, and the choice of instruction set at run time.
#pragma once

namespace tinify::fast {

constexpr int kPanel = 16;        // columns of a packed weight panel, [depth][kPanel]
constexpr int kDepthBlock = 256;  // rows of a panel that stay in the first cache level
constexpr int kGdnPixels = 48;    // pixels whose squares are held at once

// Winograd's points 0, +-a, +-b, infinity: these have a quarter of the rounding error of the usual 1 and 2.
constexpr float kA = 0.70710678f, kB = 1.41421356f, kA2 = 0.5f, kB2 = 2.0f;

// c[rows][cols] = bias + a[rows][taps * depth] * panels; a row of a is `taps` runs of `depth` floats.
struct Gemm {
    const float* a;
    long lda;
    const float* panels;
    const float* bias;  // null: zero
    float* c;
    long ldc;
    int rows, depth, cols;  // cols a multiple of kPanel
    int taps;
    long tap_stride;
};

// x / sqrt(beta + gamma x^2) over `channels` (a multiple of kPanel), or the product when inverse.
struct Gdn {
    const float* gamma;  // panels
    const float* beta;
    int channels;
    bool inverse;
};

// The points of a tile that a phase has anything at: 0 to 6, 0 to 5 or 1 to 5.
struct Span {
    int begin, end;
};

// What becomes of a sum: negative ones times `slope`, plus what is to be added, negative ones times `slope_after`.
struct Finish {
    float slope = 1, slope_after = 1;
};

struct LiftingKernels;

struct Kernels {
    const char* name;
    const LiftingKernels* lifting;
    void (*gemm)(const Gemm&);
    // squares: kGdnPixels * channels floats; add: null, or pixels that are added to the result.
    void (*gdn)(const Gdn&, float* x, long pixels, float* squares, const float* add);
    // 6x6 pixels to 6x6 points, of which the rows and columns of those spans are written; channels a multiple of 16.
    void (*tile_in)(const float* const* pixels, int channels, float* const* points, Span rows, Span cols);
    // 6x6 points to 4x4 pixels; rows of points below u0 and columns below v0 (0 or 1) count as zero. adds: null, or a
    // pixel for each pixel.
    void (*tile_out)(const float* const* points, const float* bias, int channels, float* const* pixels, int u0, int v0,
                     const Finish& finish, const float* const* adds);
    // x -> y, `size` floats, a multiple of kPanel; add: null, or as many.
    void (*finish)(const Finish&, const float* x, float* y, long size, const float* add);
    // x[i] = a[i] / (1 + exp(-b[i])) + x[i] for `size` floats, a multiple of kPanel.
    void (*gate)(const float* a, const float* b, float* x, long size);
    // Position of the least of `size` floats, a multiple of kPanel.
    int (*least)(const float* x, int size);
};

// The widest that this processor has, or the one that TINIFY_SIMD or use_kernels() names.
const Kernels& kernels();
bool use_kernels(const char* name);

extern const Kernels kPortableKernels, kAvx2Kernels, kAvx512Kernels;

}  // namespace tinify::fast
