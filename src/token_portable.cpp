// SPDX-License-Identifier: Apache-2.0
// Four lanes: what NEON has, and what a compiler takes apart elsewhere.
#include "token_kernels.hpp"

#define TINIFY_LANES 4
#define TINIFY_ROWS 2
#define TINIFY_PANELS 1
#define TINIFY_SIMD portable
#ifdef __SSE2__
#include <emmintrin.h>
#define TINIFY_MADD(acc, a, b) ((acc) + (Vec)_mm_madd_epi16((__m128i)(a), (__m128i)(b)))
#else
#define TINIFY_MADD(acc, a, b) ((acc) + ((a) << 16 >> 16) * ((b) << 16 >> 16) + ((a) >> 16) * ((b) >> 16))
#endif
#include "token_simd.hpp"

namespace tinify::tokens {

const Kernels kPortable = {portable::linear, portable::gates, portable::weights, portable::nearest};

}  // namespace tinify::tokens
