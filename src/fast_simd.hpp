// SPDX-License-Identifier: Apache-2.0
// The inner loops, included once for each instruction set: namespace TINIFY_SIMD, TINIFY_LANES floats in a vector,
// TINIFY_ROWS rows and TINIFY_PANELS panels in a register tile, TINIFY_ROOT the root. It includes nothing: no library
// code may be compiled for an instruction set which the processor may lack.

namespace tinify::fast::TINIFY_SIMD {

typedef float Vec __attribute__((vector_size(4 * TINIFY_LANES)));
typedef float LooseVec __attribute__((vector_size(4 * TINIFY_LANES), aligned(4), may_alias));

#define TINIFY_INLINE inline __attribute__((always_inline))

constexpr int kRows = TINIFY_ROWS;
constexpr int kVectors = kPanel / TINIFY_LANES;

TINIFY_INLINE Vec load(const float* p) { return *reinterpret_cast<const LooseVec*>(p); }
TINIFY_INLINE void store(float* p, Vec v) { *reinterpret_cast<LooseVec*>(p) = v; }
TINIFY_INLINE Vec splat(float x) { return x - Vec{}; }

constexpr int kWide = TINIFY_PANELS;  // panels of a register tile

// acc[r] += sum_k a[r][k] * panel[k], over `taps` runs of `depth` values `tap_stride` apart, panels `panel_stride` apart.
template <int R, int N>
TINIFY_INLINE void accumulate(Vec (&acc)[R][N], const float* a, long lda, const float* panel, long panel_stride,
                              int depth, int taps, long tap_stride) {
    for (int t = 0; t < taps; ++t, a += tap_stride) {
        const float* p = a;
        for (int k = 0; k < depth; ++k, ++p, panel += kPanel) {
            Vec b[N];
#pragma GCC unroll 4
            for (int v = 0; v < N; ++v) b[v] = load(panel + v / kVectors * panel_stride + v % kVectors * TINIFY_LANES);
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) {
                const Vec x = splat(p[r * lda]);
#pragma GCC unroll 4
                for (int v = 0; v < N; ++v) acc[r][v] += x * b[v];
            }
        }
    }
}

template <int R, int P>
void gemm_rows(const Gemm& g, const float* a, const float* panel, int depth, const float* bias, float* c, bool add) {
    constexpr int N = P * kVectors;
    Vec acc[R][N];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v)
            acc[r][v] = add ? load(c + r * g.ldc + v * TINIFY_LANES) : bias ? load(bias + v * TINIFY_LANES) : Vec{};
    accumulate<R, N>(acc, a, g.lda, panel, static_cast<long>(g.taps) * g.depth * kPanel, depth, g.taps, g.tap_stride);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) store(c + r * g.ldc + v * TINIFY_LANES, acc[r][v]);
}

using GemmRows = void (*)(const Gemm&, const float*, const float*, int, const float*, float*, bool);

template <int R, int P>
GemmRows pick_gemm(int rows) {
    if constexpr (R == 0) return nullptr;
    else return rows >= R ? gemm_rows<R, P> : pick_gemm<R - 1, P>(rows);
}

template <int P>
void gemm_columns(const Gemm& g, int n) {
    const int step = g.taps > 1 ? g.depth : kDepthBlock;
    const float* panel = g.panels + static_cast<long>(n) * g.taps * g.depth;
    for (int k = 0; k < g.depth; k += step) {
        const int depth = g.depth - k < step ? g.depth - k : step;
        for (int m = 0; m < g.rows; m += kRows)
            pick_gemm<kRows, P>(g.rows - m)(g, g.a + m * g.lda + k, panel + static_cast<long>(k) * kPanel, depth,
                                            g.bias ? g.bias + n : nullptr, g.c + m * g.ldc + n, k > 0);
    }
}

void gemm(const Gemm& g) {
    int n = 0;
    for (; n + kWide * kPanel <= g.cols; n += kWide * kPanel) gemm_columns<kWide>(g, n);
    for (; n < g.cols; n += kPanel) gemm_columns<1>(g, n);
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

// x *= or /= sqrt(norm) for R pixels and the channels of P panels; `a` is the squares.
template <int R, int P, bool inverse>
void gdn_rows(const Gdn& g, const float* a, int n, float* x) {
    constexpr int N = P * kVectors;
    Vec acc[R][N];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) acc[r][v] = load(g.beta + n + v * TINIFY_LANES);
    const long panel_size = static_cast<long>(g.channels) * kPanel;
    accumulate<R, N>(acc, a, g.channels, g.gamma + static_cast<long>(n) * g.channels, panel_size, g.channels, 1, 0);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int v = 0; v < N; ++v) {
            const long at = r * g.channels + n + v * TINIFY_LANES;
            const Vec norm = TINIFY_ROOT(acc[r][v]);
            store(x + at, inverse ? load(x + at) * norm : load(x + at) / norm);
        }
}

using GdnRows = void (*)(const Gdn&, const float*, int, float*);

template <int R, int P, bool inverse>
GdnRows pick_gdn(int rows) {
    if constexpr (R == 0) return nullptr;
    else return rows >= R ? gdn_rows<R, P, inverse> : pick_gdn<R - 1, P, inverse>(rows);
}

template <int P>
void gdn_columns(const Gdn& g, int n, float* x, int rows, const float* squares) {
    for (int m = 0; m < rows; m += kRows) {
        const auto run = g.inverse ? pick_gdn<kRows, P, true>(rows - m) : pick_gdn<kRows, P, false>(rows - m);
        const long row = static_cast<long>(m) * g.channels;
        run(g, squares + row, n, x + row);
    }
}

void gdn(const Gdn& g, float* x, long pixels, float* squares, const float* add) {
    for (long start = 0; start < pixels; start += kGdnPixels, x += kGdnPixels * g.channels) {
        const int rows = static_cast<int>(pixels - start < kGdnPixels ? pixels - start : kGdnPixels);
        for (long i = 0; i < static_cast<long>(rows) * g.channels; i += TINIFY_LANES) {
            const Vec v = load(x + i);
            store(squares + i, v * v);
        }
        int n = 0;
        for (; n + kWide * kPanel <= g.channels; n += kWide * kPanel) gdn_columns<kWide>(g, n, x, rows, squares);
        for (; n < g.channels; n += kPanel) gdn_columns<1>(g, n, x, rows, squares);
        if (!add) continue;
        // Not in gdn_rows, where some of its versions would fuse the product and the sum and others would not.
        for (long i = 0; i < static_cast<long>(rows) * g.channels; i += TINIFY_LANES)
            store(x + i, load(x + i) + load(add + i));
        add += kGdnPixels * g.channels;
    }
}

TINIFY_INLINE Vec bend(Vec x, Vec slope) { return x > 0 ? x : x * slope; }

void finish(const Finish& f, const float* x, float* out, long size, const float* add) {
    const Vec slope = splat(f.slope), slope_after = splat(f.slope_after);
    for (long i = 0; i < size; i += TINIFY_LANES) {
        Vec y = bend(load(x + i), slope);
        if (add) y = bend(y + load(add + i), slope_after);
        store(out + i, y);
    }
}

// exp(x) for x in [-87, 87], to about the last bit: 2^n times a polynomial of what is left, at most log(2) / 2.
TINIFY_INLINE Vec exponential(Vec x) {
    const Vec shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number, in the low bits
    const Vec n = x * 1.44269504f + shift, whole = n - shift;
    const Vec r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    return (Vec)((IntVec)p + ((IntVec)n << 23));
}

void gate(const float* a, const float* b, float* x, long size) {
    for (long i = 0; i < size; i += TINIFY_LANES) {
        Vec y = -load(b + i);
        y = y > 87.0f ? splat(87.0f) : y;
        y = y < -87.0f ? splat(-87.0f) : y;
        store(x + i, load(a + i) / (exponential(y) + 1.0f) + load(x + i));
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

template <int U0, int U1, int V0, int V1>
TINIFY_INLINE void tile_in_as(const float* const* pixels, int channels, float* const* points) {
    for (int c = 0; c < channels; c += TINIFY_LANES) {
        Vec half[6][6];
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) {
            Vec d[6], t[6];
#pragma GCC unroll 6
            for (int i = 0; i < 6; ++i) d[i] = load(pixels[i * 6 + j] + c);
            transform_in(d, t);
#pragma GCC unroll 6
            for (int i = U0; i < U1; ++i) half[i][j] = t[i];
        }
#pragma GCC unroll 6
        for (int i = U0; i < U1; ++i) {
            Vec t[6];
            transform_in(half[i], t);
#pragma GCC unroll 6
            for (int j = V0; j < V1; ++j) store(points[i * 6 + j] + c, t[j]);
        }
    }
}

template <int U0, int U1>
void tile_in_rows(const float* const* pixels, int channels, float* const* points, Span cols) {
    if (cols.begin) tile_in_as<U0, U1, 1, 5>(pixels, channels, points);
    else if (cols.end == 5) tile_in_as<U0, U1, 0, 5>(pixels, channels, points);
    else tile_in_as<U0, U1, 0, 6>(pixels, channels, points);
}

void tile_in(const float* const* pixels, int channels, float* const* points, Span rows, Span cols) {
    if (rows.begin) tile_in_rows<1, 5>(pixels, channels, points, cols);
    else if (rows.end == 5) tile_in_rows<0, 5>(pixels, channels, points, cols);
    else tile_in_rows<0, 6>(pixels, channels, points, cols);
}

// Points below (u0, v0) are zero and not read.
template <int U0, int V0, bool adding>
TINIFY_INLINE void tile_out_as(const float* const* points, const float* bias, int channels, float* const* pixels,
                               const Finish& f, const float* const* adds) {
    const Vec slope = splat(f.slope), slope_after = splat(f.slope_after);
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
            for (int j = 0; j < 4; ++j) {
                Vec out = bend(y[j] + start, slope);
                if (adding) out = bend(out + load(adds[i * 4 + j] + c), slope_after);
                store(pixels[i * 4 + j] + c, out);
            }
        }
    }
}

template <int U0, int V0>
void tile_out_from(const float* const* points, const float* bias, int channels, float* const* pixels, const Finish& f,
                   const float* const* adds) {
    if (adds) tile_out_as<U0, V0, true>(points, bias, channels, pixels, f, adds);
    else tile_out_as<U0, V0, false>(points, bias, channels, pixels, f, adds);
}

void tile_out(const float* const* points, const float* bias, int channels, float* const* pixels, int u0, int v0,
              const Finish& f, const float* const* adds) {
    const auto below = v0 ? tile_out_from<1, 1> : tile_out_from<1, 0>;
    (u0 ? below : v0 ? tile_out_from<0, 1> : tile_out_from<0, 0>)(points, bias, channels, pixels, f, adds);
}

}  // namespace tinify::fast::TINIFY_SIMD
