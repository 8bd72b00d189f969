// SPDX-License-Identifier: Apache-2.0
#include "fast_kernels.hpp"
#include "lifting.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define TINIFY_LANES 8
#define TINIFY_ROWS 6
#define TINIFY_PANELS 1
#define TINIFY_SIMD avx2
#define TINIFY_ROOT(x) ((Vec)_mm256_sqrt_ps(x))
#include "fast_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::fast {

const Kernels kAvx2Kernels = {"avx2", &kAvx2Lifting, avx2::gemm, avx2::gdn,
                              avx2::tile_in, avx2::tile_out, avx2::finish, avx2::gate, avx2::least};

}  // namespace tinify::fast

#endif
