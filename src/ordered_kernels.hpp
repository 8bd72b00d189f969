// SPDX-License-Identifier: Apache-2.0
// The inner loop of sums in a fixed order, for each instruction set.
#pragma once

namespace tinify {

constexpr long kOrderedPanel = 32;  // columns of a panel of the weights
constexpr int kOrderedRows = 6;     // rows that are worked on at once

// to[i][j] = from[i][j] + rows[i][0] w[0][j] + rows[i][1] w[1][j] + ..., one rounded product and one rounded sum after
// the other, over a panel's columns, or those of two panels that lie `next` floats apart.
struct OrderedPiece {
    const float* rows[kOrderedRows];
    const float* from[kOrderedRows];
    float* to[kOrderedRows];
    const float* w;  // [depth][kOrderedPanel]
    long next, depth;
};

struct OrderedKernels {
    using Run = void (*)(const OrderedPiece&);
    Run one[kOrderedRows + 1], two[kOrderedRows + 1];  // by number of rows
};

// Those of the instruction set that the image transforms use.
const OrderedKernels& ordered_kernels();

extern const OrderedKernels kPortableOrdered, kAvx2Ordered, kAvx512Ordered;

}  // namespace tinify
