// SPDX-License-Identifier: Apache-2.0
#include "ordered_kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define TINIFY_LANES 8
#define TINIFY_VECTORS 2
#define TINIFY_SIMD ordered_avx2
#include "ordered_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify {

const OrderedKernels kAvx2Ordered = ordered_avx2::kOrdered;

}  // namespace tinify

#endif
