// SPDX-License-Identifier: Apache-2.0
#include "fast_kernels.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>

namespace tinify::fast {

namespace {

const Kernels* find(const char* name) {
    const Kernels* all[] = {avx512_kernels(), avx2_kernels(), &kPortableKernels};
    for (const Kernels* set : all)
        if (set && (!name || !std::strcmp(name, set->name))) return set;
    return nullptr;
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
