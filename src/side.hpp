// SPDX-License-Identifier: Apache-2.0
// The sections beside the rANS words: raw low bits (least significant first) and escaped values (zigzag varints).
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "errors.hpp"

namespace tinify {

using Bytes = std::vector<uint8_t>;

inline void put_varint(Bytes& out, uint64_t value) {
    for (; value >= 128; value >>= 7) out.push_back(static_cast<uint8_t>(value | 128));
    out.push_back(static_cast<uint8_t>(value));
}

inline uint64_t get_varint(const uint8_t*& next, const uint8_t* end) {
    uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
        if (next == end) throw FormatError("the stream ends within a number");
        const uint8_t byte = *next++;
        value |= static_cast<uint64_t>(byte & 127) << shift;
        if (byte < 128) return value;
    }
    throw FormatError("damaged stream: a number is too long");
}

inline void put_zigzag(Bytes& out, int32_t value) {
    put_varint(out, static_cast<uint32_t>(value) << 1 ^ (value < 0 ? 0xFFFFFFFFu : 0u));
}

inline int32_t get_zigzag(const uint8_t*& next, const uint8_t* end) {
    const uint64_t coded = get_varint(next, end);
    if (coded > 0xFFFFFFFFu) throw FormatError("damaged stream: an escaped symbol leaves 32 bits");
    return static_cast<int32_t>(static_cast<uint32_t>(coded >> 1) ^ (coded & 1 ? 0xFFFFFFFFu : 0u));
}

class BitWriter {
public:
    static constexpr int kMost = 56;
    // Room for `bits` more before the next reserve.
    void reserve(size_t bits) {
        if (bytes_.size() < size_ + bits / 8 + 16) bytes_.resize(2 * size_ + bits / 8 + 16);
    }
    // The writer's state apart from its memory, so that a loop can keep it in registers: `begin`, put ..., `end`.
    struct Cursor {
        uint8_t* at;
        uint64_t pending;
        int filled;  // < 8
        void put(uint64_t value, int bits) {  // value < 2^bits, bits <= kMost
            pending |= value << filled;
            filled += bits;
            std::memcpy(at, &pending, 8);
            at += filled >> 3;
            pending >>= filled & ~7;
            filled &= 7;
        }
    };
    Cursor begin() { return {bytes_.data() + size_, pending_, filled_}; }
    void end(const Cursor& cursor) {
        size_ = static_cast<size_t>(cursor.at - bytes_.data());
        pending_ = cursor.pending;
        filled_ = cursor.filled;
    }
    void put(uint64_t value, int bits) {
        Cursor cursor = begin();
        cursor.put(value, bits);
        end(cursor);
    }
    struct Mark { size_t size; uint64_t pending; int filled; };
    Mark mark() const { return {size_, pending_, filled_}; }
    void rewind(const Mark& to) {
        size_ = to.size;
        pending_ = to.pending;
        filled_ = to.filled;
    }
    Bytes finish() {
        bytes_.resize(size_);
        if (filled_) bytes_.push_back(static_cast<uint8_t>(pending_));
        return std::move(bytes_);
    }

private:
    Bytes bytes_;  // longer than `size_`, so that a put can store 8 bytes at once
    size_t size_ = 0;
    uint64_t pending_ = 0;
    int filled_ = 0;
};

class BitReader {
public:
    static constexpr size_t kMost = 57;
    BitReader() = default;
    BitReader(const uint8_t* data, size_t size) : data_(data), size_(size) {}
    uint64_t get(size_t bits) {  // bits <= kMost
        if (at_ + bits > 8 * size_) throw DesyncError("the stream ends before its raw bits do");
        const uint64_t value = window() & ((uint64_t{1} << bits) - 1);
        at_ += bits;
        return value;
    }
    bool finished() const { return (at_ + 7) / 8 == size_; }

private:
    uint64_t window() const {  // the next kMost or more bits
        uint64_t bytes = 0;
        const size_t byte = at_ >> 3;
        if (byte + 8 <= size_)
            std::memcpy(&bytes, data_ + byte, 8);
        else if (byte < size_)
            std::memcpy(&bytes, data_ + byte, size_ - byte);
        return bytes >> (at_ & 7);
    }
    const uint8_t* data_ = nullptr;
    size_t size_ = 0, at_ = 0;
};

struct SideWriter {
    BitWriter bits;
    Bytes escapes;
};

struct SideReader {
    BitReader bits;
    const uint8_t *next_escape = nullptr, *end_escape = nullptr;
    int32_t escape() {
        try {
            return get_zigzag(next_escape, end_escape);
        } catch (const FormatError& error) {
            throw DesyncError(error.what());
        }
    }
    bool finished() const { return bits.finished() && next_escape == end_escape; }
};

}  // namespace tinify
