// SPDX-License-Identifier: Apache-2.0
#include "mixing_jobs.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <algorithm>
#include <array>
#include <vector>

#include "mixing_tables.hpp"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2")
#endif
#define TINIFY_SIMD avx512
#include "mixing_simd.hpp"
#ifdef __clang__
#pragma clang attribute pop
#endif

namespace tinify::mixing {

const Kernels kAvx512Kernels = {"avx512", avx512::grid, avx512::blocks, avx512::picture};

}  // namespace tinify::mixing

#endif
