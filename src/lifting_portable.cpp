// SPDX-License-Identifier: Apache-2.0
#include "lifting.hpp"

#define TINIFY_SIMD portable
#include "lifting_simd.hpp"

namespace tinify::fast {

const LiftingKernels kPortableLifting = portable::kLifting;

}  // namespace tinify::fast
