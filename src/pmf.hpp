// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

namespace tinify {

// Integer CDF of `count` probabilities: cdf[0] = 0 ... cdf[count] = 2^precision, every bin at least 1.
// The same integers as CompressAI's pmf_to_quantized_cdf. InputError for NaN, infinite, negative or all-zero
// probabilities and for more bins than 2^precision.
void pmf_to_quantized_cdf(const float* pmf, size_t count, int precision, int32_t* cdf);

}  // namespace tinify
