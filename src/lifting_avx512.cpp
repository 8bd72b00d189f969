// SPDX-License-Identifier: Apache-2.0
#include "lifting.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif
#define TINIFY_SIMD avx512
#include "lifting_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::fast {

const LiftingKernels kAvx512Lifting = avx512::kLifting;

}  // namespace tinify::fast

#endif
