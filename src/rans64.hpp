// SPDX-License-Identifier: Apache-2.0
// rANS with one 64-bit state and 32-bit words; the same bytes as CompressAI's `ans`.
// Source: Duda 2013, arXiv:1311.2540; format of ryg_rans rans64 (Giesen, CC0).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "arrays.hpp"
#include "tables.hpp"

namespace tinify {

constexpr uint64_t kRans64Low = 1ull << 31;  // states stay in [2^31, 2^63)
constexpr size_t kBlock = 2048;              // symbols converted at a time

struct Segment {
    IntView symbols, indexes;
    const Tables* tables;
};

// Words written from the back to the front, as rANS makes them.
class BackwardWords {
public:
    void reserve(size_t words);  // room for that many further words
    void push(uint32_t word) { buffer_[--begin_] = word; }
    uint32_t* grab(size_t words) { return buffer_.get() + (begin_ -= words); }
    const uint32_t* data() const { return buffer_.get() + begin_; }
    size_t size() const { return capacity_ - begin_; }

private:
    std::unique_ptr<uint32_t[]> buffer_;
    size_t capacity_ = 0, begin_ = 0;
};

// Encodes the segments as one stream. Returns the final state; the words that follow it are in `words`.
uint64_t rans64_encode(const std::vector<Segment>& segments, uint64_t initial_state, BackwardWords& words);

// Checks that every index has a row and every symbol can be coded; InputError otherwise.
void rans64_check(const Segment& segment);

class Rans64Decoder {
public:
    // `words` are unaligned little-endian 32-bit words; the caller keeps them alive.
    void begin(uint64_t state, const uint8_t* words, size_t bytes);
    // CompressAI's stream: the state in the first 8 bytes. FormatError when it cannot be one.
    void begin_stream(const uint8_t* data, size_t bytes);
    void pull(const IntView& indexes, const Tables& tables, int32_t* out);
    // DesyncError when the state is not `expected` or bytes are left.
    void finish(uint64_t expected) const;

private:
    uint32_t word();
    uint64_t state_ = 0;
    const uint8_t* next_ = nullptr;
    const uint8_t* end_ = nullptr;
};

}  // namespace tinify
