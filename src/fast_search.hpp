// SPDX-License-Identifier: Apache-2.0
// The nearest of a codebook's codes for each of many vectors.
#pragma once

#include <cstdint>

namespace tinify::fast {

constexpr int kMostDimensions = 256;

struct Search {
    const float* codebook;  // [codes][dimensions]
    const float* bias;      // [codes]: half the squared length, and what else a code costs
    int codes, dimensions;  // dimensions <= kMostDimensions
};

// best[i] = argmin_k bias_k - <y_i, c_k> for y [rows][dimensions]; the first of equals.
void nearest(const Search& search, const float* y, long rows, int64_t* best, int threads);

}  // namespace tinify::fast
