// SPDX-License-Identifier: Apache-2.0
#include "ordered_kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif
#define TINIFY_LANES 16
#define TINIFY_VECTORS 4
#define TINIFY_SIMD ordered_avx512
#include "ordered_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify {

const OrderedKernels kAvx512Ordered = ordered_avx512::kOrdered;

}  // namespace tinify

#endif
