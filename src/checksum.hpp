// SPDX-License-Identifier: Apache-2.0
// A 32-bit check of a sequence of symbols, cheap in SIMD: 32 interleaved polynomial hashes, mixed at the end.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tinify {

class Checksum {
public:
    static constexpr uint32_t kLanes = 32;
    static constexpr uint32_t kFactor = 0x9E3779B1u;  // odd, so that no difference in a symbol can vanish

    void add(int32_t symbol) {
        uint32_t& lane = lanes_[count_++ % kLanes];
        lane = lane * kFactor + static_cast<uint32_t>(symbol);
    }
    void add(const int32_t* symbols, size_t count);
    uint32_t value() const {
        uint32_t h = static_cast<uint32_t>(count_);
        for (uint32_t lane : lanes_) {
            h = (h ^ lane) * 0x85EBCA6Bu;
            h ^= h >> 13;
        }
        h = (h ^ h >> 16) * 0xC2B2AE35u;
        return h ^ h >> 16;
    }

private:
    uint32_t lanes_[kLanes] = {};
    uint64_t count_ = 0;
};

}  // namespace tinify
