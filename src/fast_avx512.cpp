// SPDX-License-Identifier: Apache-2.0
#include "fast_kernels.hpp"
#include "lifting.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif
#define TINIFY_LANES 16
#define TINIFY_ROWS 12
#define TINIFY_PANELS 2
#define TINIFY_SIMD avx512
#define TINIFY_ROOT(x) ((Vec)_mm512_maskz_sqrt_ps(0xFFFF, x))
#include "fast_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::fast {

const Kernels kAvx512Kernels = {"avx512", &kAvx512Lifting, avx512::gemm, avx512::gdn,
                                avx512::tile_in, avx512::tile_out, avx512::finish, avx512::gate, avx512::least};

}  // namespace tinify::fast

#endif
