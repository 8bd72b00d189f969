// SPDX-License-Identifier: Apache-2.0
#include "token_kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define TINIFY_LANES 8
#define TINIFY_ROWS 4
#define TINIFY_PANELS 1
#define TINIFY_SIMD avx2
#define TINIFY_MADD(acc, a, b) ((acc) + (Vec)_mm256_madd_epi16((__m256i)(a), (__m256i)(b)))
#include "token_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::tokens {

const Kernels kAvx2 = {avx2::linear, avx2::gates, avx2::weights, avx2::nearest};

}  // namespace tinify::tokens

#endif
