// SPDX-License-Identifier: Apache-2.0
#include "ordered_kernels.hpp"

#define TINIFY_LANES 4
#define TINIFY_VECTORS 2
#define TINIFY_SIMD ordered_portable
#include "ordered_simd.hpp"

namespace tinify {

const OrderedKernels kPortableOrdered = ordered_portable::kOrdered;

}  // namespace tinify
