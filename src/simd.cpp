// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "checksum.hpp"
#include "rans32_kernels.hpp"

namespace tinify {

namespace {

const Kernels* find(const char* name) {
    const Kernels* all[] = {avx512_kernels(), avx2_kernels(), &kScalarKernels};
    for (const Kernels* set : all)
        if (set && (!name || !std::strcmp(name, set->name))) return set;
    return nullptr;
}

const Kernels* at_start() {
    const Kernels* asked = find(std::getenv("TINIFY_SIMD"));
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

void Checksum::add(const int32_t* symbols, size_t count) {
    while (count && count_ % kLanes) {
        add(*symbols++);
        --count;
    }
    const size_t whole = count / kLanes * kLanes;
    kernels().hash(lanes_, symbols, whole);
    count_ += whole;
    for (size_t i = whole; i < count; ++i) add(symbols[i]);
}

}  // namespace tinify
