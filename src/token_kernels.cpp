// SPDX-License-Identifier: Apache-2.0
#include "token_kernels.hpp"

#include <cstring>

#include "rans32_kernels.hpp"

namespace tinify::tokens {

const Kernels& kernels() {
#if defined(__x86_64__) && defined(__GNUC__)
    // The coders' choice, one switch for both. Asked here and not in the sets' own files, see fast_kernels.cpp.
    const char* chosen = tinify::kernels().name;
    if (!std::strcmp(chosen, "avx512") && __builtin_cpu_supports("avx512vnni")) return kAvx512;
    if (std::strcmp(chosen, "scalar") && __builtin_cpu_supports("avx2")) return kAvx2;
#endif
    return kPortable;
}

}  // namespace tinify::tokens
