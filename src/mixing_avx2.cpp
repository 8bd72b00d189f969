// SPDX-License-Identifier: Apache-2.0
#include "mixing_jobs.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <algorithm>
#include <array>
#include <vector>

#include "mixing_tables.hpp"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define TINIFY_SIMD avx2
#include "mixing_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::mixing {

const Kernels kAvx2Kernels = {"avx2", avx2::grid, avx2::blocks, avx2::picture};

}  // namespace tinify::mixing

#endif
