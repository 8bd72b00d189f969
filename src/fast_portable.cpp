// SPDX-License-Identifier: Apache-2.0
// Four lanes: what SSE2 and NEON have, and what a compiler takes apart elsewhere.
#include "fast_kernels.hpp"
#include "lifting.hpp"

#define TINIFY_LANES 4
#ifdef __aarch64__
#define TINIFY_ROWS 6
#else
#define TINIFY_ROWS 2
#endif
#define TINIFY_PANELS 1
#define TINIFY_SIMD portable
#define TINIFY_ROOT(x) root(x)
#include "fast_simd.hpp"

namespace tinify::fast {

const Kernels kPortableKernels = {"scalar", &kPortableLifting, portable::gemm, portable::gdn,
                                  portable::tile_in, portable::tile_out, portable::finish, portable::gate,
                                  portable::least};

}  // namespace tinify::fast
