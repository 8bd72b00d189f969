// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <cstring>

#include "mixing_jobs.hpp"

namespace tinify::mixing {

Shape grid_shape() { return {{660, 960, 845, 1040, 4096, 640, 768, 1024, 429}, 6, {160, 192}}; }

Shape block_shape() { return {{4096, 960, 4056, 1600, 1600, 1920, 1600, 1920}, 4, {960, 240}}; }

Shape picture_shape() { return {{576, 2880, 2880, 1600, 1600, 1600, 1600, 3072, 576, 1600, 5832}, 5, {480, 96}}; }

const Kernels* find_kernels(const char* name) {
    const auto wanted = [&](const Kernels& set) { return !name || !std::strcmp(name, set.name); };
#if defined(__x86_64__) && defined(__GNUC__)
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (wide && wanted(kAvx512Kernels)) return &kAvx512Kernels;
    if (__builtin_cpu_supports("avx2") && wanted(kAvx2Kernels)) return &kAvx2Kernels;
#endif
    return wanted(kPortableKernels) ? &kPortableKernels : nullptr;
}

const Kernels& kernels() {
    static const Kernels* const chosen = [] {
        const char* name = std::getenv("TINIFY_SIMD");
        const Kernels* asked = name ? find_kernels(name) : nullptr;
        return asked ? asked : find_kernels(nullptr);
    }();
    return *chosen;
}

}  // namespace tinify::mixing
