// SPDX-License-Identifier: Apache-2.0
#include "fast_kernels.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace tinify::fast {

namespace {

const Kernels* find(const char* name) {
    const auto wanted = [&](const Kernels& set) { return !name || !std::strcmp(name, set.name); };
#if defined(__x86_64__) && defined(__GNUC__)
    // Asked here and not in the sets' own files, which are compiled for what the processor may lack.
    if (__builtin_cpu_supports("avx512f") && wanted(kAvx512Kernels)) return &kAvx512Kernels;
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && wanted(kAvx2Kernels)) return &kAvx2Kernels;
#endif
    return wanted(kPortableKernels) ? &kPortableKernels : nullptr;
}

const Kernels* at_start() {
    const char* name = std::getenv("TINIFY_SIMD");
    const Kernels* asked = name ? find(name) : nullptr;
    return asked ? asked : find(nullptr);
}

std::atomic<const Kernels*>& current() {
    static std::atomic<const Kernels*> chosen{at_start()};
    return chosen;
}

}  // namespace

const Kernels& kernels() { return *current().load(std::memory_order_relaxed); }

bool use_kernels(const char* name) {
    const Kernels* set = find(name);
    if (set) current() = set;
    return set != nullptr;
}

}  // namespace tinify::fast
