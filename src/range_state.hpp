// SPDX-License-Identifier: Apache-2.0
// The arithmetic of the range coder, for intervals of 65536: 64-bit low and range, 32-bit words high byte first, carries
// run back into the words already made. A stream leaves off the bytes that any value would do for.
// Source: Martin 1979, "Range encoding"; Schindler 1998.
#pragma once

#include <vector>

#include "errors.hpp"
#include "side.hpp"

namespace tinify {

namespace range {

constexpr uint64_t kLeast = uint64_t{1} << 32;
constexpr size_t kFlush = 8;  // at most so many bytes stand for the last `low`
constexpr int kBits = 16;

// The value within [low, low + range) that the fewest bytes give, zeros behind them.
inline uint64_t shortest(uint64_t low, uint64_t range, int& bytes) {
    uint64_t value = 0;
    for (bytes = 0; bytes <= 8; ++bytes) {
        const uint64_t mask = bytes == 0 ? ~uint64_t{0} : bytes == 8 ? 0 : ~uint64_t{0} >> (8 * bytes);
        value = (low + mask) & ~mask;
        if (value - low < range) break;
    }
    return value;
}

}  // namespace range

class RangeWriter {
public:
    void code(uint64_t start, uint64_t freq) {  // freq of 65536
        const uint64_t scale = range_ >> range::kBits, before = low_;
        low_ += scale * start;
        if (low_ < before) carry();
        range_ = scale * freq;
        if (range_ < range::kLeast) {
            words_.push_back(static_cast<uint32_t>(low_ >> 32));
            low_ <<= 32;
            range_ <<= 32;
        }
    }

    // Appends the stream to `out`; nothing may be coded after it. It may be empty.
    void finish(Bytes& out) {
        int bytes;
        const uint64_t value = range::shortest(low_, range_, bytes);
        if (value < low_) carry();
        out.reserve(out.size() + 4 * words_.size() + range::kFlush);
        for (uint32_t word : words_)
            for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(word >> shift));
        for (int i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (56 - 8 * i)));
    }

private:
    void carry() {
        for (size_t i = words_.size(); i-- > 0;)
            if (++words_[i]) return;
    }
    std::vector<uint32_t> words_;
    uint64_t low_ = 0, range_ = ~uint64_t{0};
};

class RangeReader {
public:
    RangeReader(const uint8_t* data, size_t size) : data_(data), size_(size) {
        value_ = next32() << 32;
        value_ |= next32();
    }

    uint32_t slot() {
        scale_ = range_ >> range::kBits;
        const uint64_t slot = value_ / scale_;
        if (slot >> range::kBits) throw DesyncError("damaged stream, or other tables than those it was written with");
        return static_cast<uint32_t>(slot);
    }
    void take(uint64_t start, uint64_t freq) {
        value_ -= scale_ * start;
        low_ += scale_ * start;
        range_ = scale_ * freq;
        if (range_ < range::kLeast) {
            value_ = value_ << 32 | next32();
            low_ <<= 32;
            range_ <<= 32;
        }
    }
    // Whether the stream ends here just as its writer would have ended it, or with a 0 where it would be shorter than
    // `least` bytes.
    bool at_end(size_t least = 0) const {
        int bytes;
        const uint64_t value = range::shortest(low_, range_, bytes);
        const size_t length = at_ - range::kFlush + static_cast<size_t>(bytes);
        return low_ + value_ == value && (length < least ? least : length) == size_;
    }

private:
    uint64_t next32() {
        uint64_t word = 0;
        for (int i = 0; i < 4; ++i, ++at_) word = word << 8 | (at_ < size_ ? data_[at_] : 0);
        if (at_ > size_ + range::kFlush) throw DesyncError("the stream ends before its symbols do");
        return word;
    }
    const uint8_t* data_;
    size_t size_, at_ = 0;
    uint64_t low_ = 0, value_ = 0, range_ = ~uint64_t{0}, scale_ = 0;  // value is above low
};

}  // namespace tinify
