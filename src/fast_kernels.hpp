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

struct LiftingKernels;

struct Kernels {
    const char* name;
    const LiftingKernels* lifting;
    void (*gemm)(const Gemm&);
    // squares: kGdnPixels * channels floats.
    void (*gdn)(const Gdn&, float* x, long pixels, float* squares);
    // 6x6 pixels to 6x6 points, of which the first `rows` x `cols` (5 or 6) are written; channels a multiple of 16.
    void (*tile_in)(const float* const* pixels, int channels, float* const* points, int rows, int cols);
    // 6x6 points to 4x4 pixels; rows of points below u0 and columns below v0 (0 or 1) count as zero.
    void (*tile_out)(const float* const* points, const float* bias, int channels, float* const* pixels, int u0, int v0);
    // Position of the least of `size` floats, a multiple of kPanel.
    int (*least)(const float* x, int size);
};

// The widest that this processor has, or the one that TINIFY_SIMD or use_kernels() names.
const Kernels& kernels();
bool use_kernels(const char* name);

extern const Kernels kPortableKernels, kAvx2Kernels, kAvx512Kernels;

}  // namespace tinify::fast
