// SPDX-License-Identifier: Apache-2.0
// The loop of ordered_kernels.hpp, included once for each instruction set: namespace TINIFY_SIMD, TINIFY_LANES floats in
// a vector, TINIFY_VECTORS of them across. Compiled without contraction: a fused multiply-add would round once where
// others round twice. It includes nothing, so that no library code is compiled for what the processor may lack.

namespace tinify::TINIFY_SIMD {

typedef float Vec __attribute__((vector_size(4 * TINIFY_LANES)));
typedef float LooseVec __attribute__((vector_size(4 * TINIFY_LANES), aligned(4), may_alias));

#define TINIFY_INLINE inline __attribute__((always_inline))

// Rows R by V vectors from column `column` on, all in registers; those of the second panel lie `next` floats further.
template <int R, int V>
TINIFY_INLINE void block(const OrderedPiece& p, long column) {
    const auto at = [&](int v) {
        const long ahead = v * TINIFY_LANES;
        return ahead < kOrderedPanel ? ahead : p.next + ahead - kOrderedPanel;
    };
    const float* rows[R];
    Vec sums[R][V];
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
        rows[i] = p.rows[i];
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
            sums[i][v] = *reinterpret_cast<const LooseVec*>(p.from[i] + column + v * TINIFY_LANES);
    }
    const float* w = p.w + column;
    for (long k = 0; k < p.depth; ++k, w += kOrderedPanel) {
        Vec weights[V];
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) weights[v] = *reinterpret_cast<const LooseVec*>(w + at(v));
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) {
            const Vec x = rows[i][k] - Vec{};
#pragma GCC unroll 8
            for (int v = 0; v < V; ++v) sums[i][v] += x * weights[v];
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v)
            *reinterpret_cast<LooseVec*>(p.to[i] + column + v * TINIFY_LANES) = sums[i][v];
}

template <int R>
void one(const OrderedPiece& p) {
    constexpr int V = TINIFY_VECTORS * TINIFY_LANES < kOrderedPanel ? TINIFY_VECTORS : kOrderedPanel / TINIFY_LANES;
    for (long column = 0; column < kOrderedPanel; column += V * TINIFY_LANES) block<R, V>(p, column);
}

template <int R>
void two(const OrderedPiece& p) {
    if constexpr (TINIFY_VECTORS * TINIFY_LANES > kOrderedPanel) {
        block<R, TINIFY_VECTORS>(p, 0);
    } else {
        one<R>(p);
        OrderedPiece second = p;
        second.w += p.next;
        for (int i = 0; i < R; ++i) second.from[i] += kOrderedPanel, second.to[i] += kOrderedPanel;
        one<R>(second);
    }
}

constexpr OrderedKernels kOrdered = {{nullptr, one<1>, one<2>, one<3>, one<4>, one<5>, one<6>},
                                     {nullptr, two<1>, two<2>, two<3>, two<4>, two<5>, two<6>}};

}  // namespace tinify::TINIFY_SIMD
