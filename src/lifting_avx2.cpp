// SPDX-License-Identifier: Apache-2.0
#include "lifting.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define TINIFY_SIMD avx2
#include "lifting_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::fast {

const LiftingKernels kAvx2Lifting = avx2::kLifting;

}  // namespace tinify::fast

#endif
