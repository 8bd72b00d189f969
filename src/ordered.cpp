// SPDX-License-Identifier: Apache-2.0
// Compiled without contraction: a fused multiply-add would round once where others round twice.
#include "ordered.hpp"

#include <cstring>

#include "fast_threads.hpp"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define TINIFY_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TINIFY_CLONES
#endif

namespace tinify {

namespace {

constexpr long kLanes = 16, kVectors = kOrderedPanel / kLanes, kRows = 6, kRowBlock = 96;

typedef float Lanes __attribute__((vector_size(4 * kLanes)));

struct Product {
    const float *x, *w, *bias;
    long rows, depth, columns;
    float* y;
};

template <long rows>
inline __attribute__((always_inline)) void tile(const Product& p, const float* w, long row, long column) {
    Lanes sums[rows][kVectors];
    for (long i = 0; i < rows; ++i) std::memcpy(sums[i], p.bias + column, sizeof sums[i]);
    const float* x = p.x + row * p.depth;
    for (long k = 0; k < p.depth; ++k, w += kOrderedPanel) {
        Lanes weights[kVectors];
        std::memcpy(weights, w, sizeof weights);
        for (long i = 0; i < rows; ++i)
            for (long v = 0; v < kVectors; ++v) sums[i][v] += x[i * p.depth + k] * weights[v];
    }
    for (long i = 0; i < rows; ++i) std::memcpy(p.y + (row + i) * p.columns + column, sums[i], sizeof sums[i]);
}

TINIFY_CLONES void block_of_rows(const Product& p, long panel, long first, long last) {
    const float* w = p.w + panel * p.depth * kOrderedPanel;
    long row = first;
    for (; row + kRows <= last; row += kRows) tile<kRows>(p, w, row, panel * kOrderedPanel);
    for (; row < last; ++row) tile<1>(p, w, row, panel * kOrderedPanel);
}

}  // namespace

void ordered_affine(const float* x, long rows, long depth, const float* w, const float* bias, long columns, float* y,
                    int threads) {
    const Product product{x, w, bias, rows, depth, columns, y};
    const long panels = columns / kOrderedPanel, blocks = (rows + kRowBlock - 1) / kRowBlock;
    fast::parallel(panels * blocks, threads, [&](long number, int) {
        const long first = number / panels * kRowBlock;
        block_of_rows(product, number % panels, first, first + kRowBlock < rows ? first + kRowBlock : rows);
    });
}

}  // namespace tinify
