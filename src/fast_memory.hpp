// SPDX-License-Identifier: Apache-2.0
// Scratch memory, and large pages for what is large.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace tinify::fast {

// Asks for large pages: touching the small ones of a new activation the first time takes longer than computing it.
// Only advice; nothing happens where memory is small or the system is another.
void use_large_pages(float* data, std::size_t size);

// Floats on a cache line of their own, not initialised.
class Buffer {
public:
    explicit Buffer(std::size_t size)
        : data_(static_cast<float*>(::operator new(size * sizeof(float), std::align_val_t(64)))) {
        use_large_pages(data_.get(), size);
    }
    float* data() const { return data_.get(); }

private:
    struct Free {
        void operator()(float* p) const { ::operator delete(p, std::align_val_t(64)); }
    };
    std::unique_ptr<float, Free> data_;
};

}  // namespace tinify::fast
