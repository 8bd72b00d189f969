// SPDX-License-Identifier: Apache-2.0
#include "token_kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512vnni,prefer-vector-width=512")
#endif
#define TINIFY_LANES 16
#define TINIFY_ROWS 4
#define TINIFY_PANELS 4
#define TINIFY_SIMD avx512
#define TINIFY_MADD(acc, a, b) ((Vec)_mm512_dpwssd_epi32((__m512i)(acc), (__m512i)(a), (__m512i)(b)))
#include "token_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::tokens {

const Kernels kAvx512 = {avx512::linear, avx512::gates, avx512::weights, avx512::nearest};

}  // namespace tinify::tokens

#endif
