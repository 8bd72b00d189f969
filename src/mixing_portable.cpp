// SPDX-License-Identifier: Apache-2.0
#include "mixing_jobs.hpp"

#define TINIFY_SIMD portable
#include "mixing_simd.hpp"

namespace tinify::mixing {

const Kernels kPortableKernels = {"scalar", portable::grid, portable::blocks, portable::picture};

}  // namespace tinify::mixing
