// SPDX-License-Identifier: Apache-2.0
// Matrix products whose sums have a fixed order, so that every machine has the same floats.
#pragma once

namespace tinify {

constexpr long kOrderedPanel = 32;  // columns of a panel of the weights

// y[i][j] = bias[j] + x[i][0] w[0][j] + x[i][1] w[1][j] + ..., one rounded product and one rounded sum after the other.
// w lies in panels of 32 columns, (columns / 32, depth, 32); columns are a multiple of 32.
void ordered_affine(const float* x, long rows, long depth, const float* w, const float* bias, long columns, float* y,
                    int threads);

}  // namespace tinify
