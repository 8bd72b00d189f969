// SPDX-License-Identifier: Apache-2.0
// The inner loops, included once for each instruction set: namespace TINIFY_SIMD, TINIFY_LANES floats in a vector,
// TINIFY_ROWS rows in a register tile, TINIFY_ROOT the square root. It includes nothing, so that no library code is
// compiled for an instruction set which the processor may lack.

namespace tinify::fast::TINIFY_SIMD {

typedef float Vec __attribute__((vector_size(4 * TINIFY_LANES)));
typedef float LooseVec __attribute__((vector_size(4 * TINIFY_LANES), aligned(4), may_alias));

#define TINIFY_INLINE inline __attribute__((always_inline))

constexpr int kRows = TINIFY_ROWS;
constexpr int kVectors = kPanel / TINIFY_LANES;

TINIFY_INLINE Vec load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
TINIFY_INLINE void store(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }
TINIFY_INLINE Vec splat(float x) { return x - Vec{}; }

// acc[r] += sum_k a[r][k] * panel[k], over `taps` runs of `depth` values that lie `tap_stride` apart.
template <int R>
TINIFY_INLINE void accumulate(Vec (&acc)[R][kVectors], const float* a, long lda, const float* panel, int depth,
                              int taps, long tap_stride) {
    for (int t = 0; t < taps; ++t, a += tap_stride) {
        const float* p = a;
        for (int k = 0; k < depth; ++k, ++p, panel += kPanel) {
            Vec b[kVectors];
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v) b[v] = load(panel + v * TINIFY_LANES);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                const Vec x = splat(p[r * lda]);
#pragma GCC unroll 4
                for (int v = 0; v < kVectors; ++v) acc[r][v] += x * b[v];
            }
        }
    }
}

template <int R>
void gemm_rows(const Gemm& g, const float* a, const float* panel, int depth, const float* bias, float* c, bool add) {
    Vec acc[R][kVectors];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v)
            acc[r][v] = add ? load(c + r * g.ldc + v * TINIFY_LANES) : bias ? load(bias + v * TINIFY_LANES) : Vec{};
    accumulate<R>(acc, a, g.lda, panel, depth, g.taps, g.tap_stride);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) store(c + r * g.ldc + v * TINIFY_LANES, acc[r][v]);
}

using GemmRows = void (*)(const Gemm&, const float*, const float*, int, const float*, float*, bool);

template <int R>
GemmRows pick_gemm(int rows) {
    if constexpr (R == 0) return nullptr;
    else return rows >= R ? gemm_rows<R> : pick_gemm<R - 1>(rows);
}

void gemm(const Gemm& g) {
    const int step = g.taps > 1 ? g.depth : kDepthBlock;
    const long panel_size = static_cast<long>(g.taps) * g.depth * kPanel;
    for (int n = 0; n < g.cols; n += kPanel) {
        const float* panel = g.panels + n / kPanel * panel_size;
        for (int k = 0; k < g.depth; k += step) {
            const int depth = g.depth - k < step ? g.depth - k : step;
            for (int m = 0; m < g.rows; m += kRows)
                pick_gemm<kRows>(g.rows - m)(g, g.a + m * g.lda + k, panel + static_cast<long>(k) * kPanel, depth,
                                             g.bias ? g.bias + n : nullptr, g.c + m * g.ldc + n, k > 0);
        }
    }
}

typedef int IntVec __attribute__((vector_size(4 * TINIFY_LANES)));

// The position of the least of `size` floats, a multiple of kPanel, and the first of equals: lane by lane, then over them.
int least(const float* x, int size) {
    Vec low = load(x);
    IntVec at = {}, now = {};
    for (int i = TINIFY_LANES; i < size; i += TINIFY_LANES) {
        const Vec next = load(x + i);
        now += TINIFY_LANES;
        const IntVec lower = next < low;
        low = lower ? next : low;
        at = lower ? now : at;
    }
    int best = 0;
    for (int i = 1; i < TINIFY_LANES; ++i)
        if (low[i] < low[best] || (low[i] == low[best] && at[i] + i < at[best] + best)) best = i;
    return at[best] + best;
}

TINIFY_INLINE Vec root(Vec x) {
#pragma GCC unroll 16
    for (int i = 0; i < TINIFY_LANES; ++i) x[i] = __builtin_sqrtf(x[i]);
    return x;
}

// x *= or /= sqrt(norm) for R pixels and the kPanel channels of a panel; `a` is the squares.
template <int R, bool inverse>
void gdn_rows(const Gdn& g, const float* a, const float* panel, const float* beta, float* x) {
    Vec acc[R][kVectors];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) acc[r][v] = load(beta + v * TINIFY_LANES);
    accumulate<R>(acc, a, g.channels, panel, g.channels, 1, 0);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) {
            float* p = x + r * g.channels + v * TINIFY_LANES;
            const Vec norm = TINIFY_ROOT(acc[r][v]);
            store(p, inverse ? load(p) * norm : load(p) / norm);
        }
}

using GdnRows = void (*)(const Gdn&, const float*, const float*, const float*, float*);

template <int R, bool inverse>
GdnRows pick_gdn(int rows) {
    if constexpr (R == 0) return nullptr;
    else return rows >= R ? gdn_rows<R, inverse> : pick_gdn<R - 1, inverse>(rows);
}

void gdn(const Gdn& g, float* x, long pixels, float* squares) {
    for (long start = 0; start < pixels; start += kGdnPixels, x += kGdnPixels * g.channels) {
        const int rows = static_cast<int>(pixels - start < kGdnPixels ? pixels - start : kGdnPixels);
        for (long i = 0; i < static_cast<long>(rows) * g.channels; i += TINIFY_LANES) {
            const Vec v = load(x + i);
            store(squares + i, v * v);
        }
        for (int n = 0; n < g.channels; n += kPanel)
            for (int m = 0; m < rows; m += kRows) {
                const auto run = g.inverse ? pick_gdn<kRows, true>(rows - m) : pick_gdn<kRows, false>(rows - m);
                const long row = static_cast<long>(m) * g.channels;
                run(g, squares + row, g.gamma + static_cast<long>(n) * g.channels, g.beta + n, x + row + n);
            }
    }
}

// One-dimensional transforms of Winograd's F(4, 3) with the points 0, a, -a, b, -b, infinity.
TINIFY_INLINE void transform_in(const Vec (&d)[6], Vec (&t)[6]) {
    const Vec p = d[4] - d[2] * kB2, q = (d[3] - d[1] * kB2) * kA, r = d[4] - d[2] * kA2, s = (d[3] - d[1] * kA2) * kB;
    t[0] = d[0] - d[2] * (kA2 + kB2) + d[4];
    t[1] = p + q;
    t[2] = p - q;
    t[3] = r + s;
    t[4] = r - s;
    t[5] = d[1] - d[3] * (kA2 + kB2) + d[5];
}

TINIFY_INLINE void transform_out(const Vec (&m)[6], Vec (&y)[4]) {
    const Vec s1 = m[1] + m[2], s2 = m[1] - m[2], s3 = m[3] + m[4], s4 = m[3] - m[4];
    y[0] = m[0] + s1 + s3;
    y[1] = s2 * kA + s4 * kB;
    y[2] = s1 * kA2 + s3 * kB2;
    y[3] = s2 * (kA * kA2) + s4 * (kB * kB2) + m[5];
}

template <int NU, int NV>
TINIFY_INLINE void tile_in_as(const float* const* pixels, int channels, float* const* points) {
    for (int c = 0; c < channels; c += TINIFY_LANES) {
        Vec half[NU][6];
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) {
            Vec d[6], t[6];
#pragma GCC unroll 6
            for (int i = 0; i < 6; ++i) d[i] = load(pixels[i * 6 + j] + c);
            transform_in(d, t);
#pragma GCC unroll 6
            for (int i = 0; i < NU; ++i) half[i][j] = t[i];
        }
#pragma GCC unroll 6
        for (int i = 0; i < NU; ++i) {
            Vec t[6];
            transform_in(half[i], t);
#pragma GCC unroll 6
            for (int j = 0; j < NV; ++j) store(points[i * 6 + j] + c, t[j]);
        }
    }
}

void tile_in(const float* const* pixels, int channels, float* const* points, int rows, int cols) {
    if (rows == 6) cols == 6 ? tile_in_as<6, 6>(pixels, channels, points) : tile_in_as<6, 5>(pixels, channels, points);
    else cols == 6 ? tile_in_as<5, 6>(pixels, channels, points) : tile_in_as<5, 5>(pixels, channels, points);
}

// Points below (u0, v0) are zero and not read.
template <int U0, int V0>
TINIFY_INLINE void tile_out_as(const float* const* points, const float* bias, int channels, float* const* pixels) {
    for (int c = 0; c < channels; c += TINIFY_LANES) {
        const Vec start = load(bias + c);
        Vec half[4][6];
#pragma GCC unroll 6
        for (int v = V0; v < 6; ++v) {
            Vec m[6], y[4];
            m[0] = Vec{};
#pragma GCC unroll 6
            for (int u = U0; u < 6; ++u) m[u] = load(points[u * 6 + v] + c);
            transform_out(m, y);
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) half[i][v] = y[i];
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
            Vec y[4];
            if (V0) half[i][0] = Vec{};
            transform_out(half[i], y);
#pragma GCC unroll 4
            for (int j = 0; j < 4; ++j) store(pixels[i * 4 + j] + c, y[j] + start);
        }
    }
}

void tile_out(const float* const* points, const float* bias, int channels, float* const* pixels, int u0, int v0) {
    if (u0) v0 ? tile_out_as<1, 1>(points, bias, channels, pixels) : tile_out_as<1, 0>(points, bias, channels, pixels);
    else v0 ? tile_out_as<0, 1>(points, bias, channels, pixels) : tile_out_as<0, 0>(points, bias, channels, pixels);
}

}  // namespace tinify::fast::TINIFY_SIMD
