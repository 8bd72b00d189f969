// SPDX-License-Identifier: Apache-2.0
// Matrix products whose sums have a fixed order, so that every machine has the same floats.
#pragma once

#include <cstdint>

#include "ordered_kernels.hpp"

namespace tinify {

constexpr long kOrderedBlock = 96;  // rows of a block of work

// What follows the sums: y, max(y, 0), or y where it is positive and slope y where not.
enum class Activation { none, relu, leaky };

// y[i][j] = from[i][j] + x[i][0] w[0][j] + x[i][1] w[1][j] + ..., one rounded product and one rounded sum after the
// other; then + shift[j], then the activation. Row i of x is `taps` runs of `depth` floats, run t at
// x + (where[i] + offsets[t]) * stride.
struct OrderedProduct {
    const float* x;
    const int64_t* where;    // null: i
    const int64_t* offsets;  // null: one tap, at 0
    long rows, taps, depth, stride;
    const float* w;      // panels of 32 columns, (columns / 32, ..., 32), from the first row that is wanted
    long panel;          // floats from a panel to the next
    const float* from;   // a bias, or rows of sums
    long from_stride;    // 0: a bias
    const float* shift;  // null: none
    float* y;
    long columns;  // a multiple of 32; those of a row of y
    Activation activation = Activation::none;
    float slope = 0;

    // Blocks of rows and columns, which hang on nothing else than the sizes.
    long row_blocks() const { return (rows + kOrderedBlock - 1) / kOrderedBlock; }
    long column_blocks() const { return (columns / kOrderedPanel + 1) / 2; }
    long blocks() const { return row_blocks() * column_blocks(); }
    void run(long block) const;
};

void run_ordered(const OrderedProduct& product, int threads);

}  // namespace tinify
