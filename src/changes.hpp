// SPDX-License-Identifier: Apache-2.0
// A number by which to notice that memory has changed; not against those who want to deceive.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tinify {

// Reads each byte once. Any change of one 32-bit word changes it. It does not depend on the threads.
uint64_t digest(const void* data, size_t size, int threads);

}  // namespace tinify
