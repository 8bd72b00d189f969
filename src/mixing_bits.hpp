// SPDX-License-Identifier: Apache-2.0
// Binary arithmetic coding with 16-bit probabilities, and its two stand-ins: one that counts bits, one that only learns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "log2.hpp"

namespace tinify::mixing {

// An interval [low, high] of 64-bit numbers; leading bytes that are settled leave it. Source: Witten, Neal, Cleary 1987.
class BitWriter {
public:
    int code(int bit, uint32_t one) {
        const uint64_t middle = low_ + ((high_ - low_) >> 16) * one;
        if (bit) high_ = middle;
        else low_ = middle + 1;
        while (((low_ ^ high_) >> 56) == 0) {
            out_.push_back(static_cast<uint8_t>(high_ >> 56));
            low_ <<= 8;
            high_ = high_ << 8 | 255;
        }
        return bit;
    }

    // The shortest bytes that lie in the interval when zeros follow.
    std::vector<uint8_t> finish() {
        for (int bytes = 0; bytes <= 8; ++bytes) {
            const uint64_t mask = bytes == 0 ? 0 : ~uint64_t{0} << (64 - 8 * bytes);
            const uint64_t value = high_ & mask;
            if (value < low_) continue;
            for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<uint8_t>(value >> (56 - 8 * i)));
            break;
        }
        while (!out_.empty() && out_.back() == 0) out_.pop_back();
        return std::move(out_);
    }

private:
    uint64_t low_ = 0, high_ = ~uint64_t{0};
    std::vector<uint8_t> out_;
};

class BitReader {
public:
    BitReader(const uint8_t* data, size_t size) : next_(data), end_(data + size) {
        for (int i = 0; i < 8; ++i) value_ = value_ << 8 | byte();
    }

    int code(int, uint32_t one) {
        const uint64_t middle = low_ + ((high_ - low_) >> 16) * one;
        const int bit = value_ <= middle;
        if (bit) high_ = middle;
        else low_ = middle + 1;
        while (((low_ ^ high_) >> 56) == 0) {
            low_ <<= 8;
            high_ = high_ << 8 | 255;
            value_ = value_ << 8 | byte();
        }
        return bit;
    }

    // How many bytes beyond the end were asked for; more than 8 means that the stream is cut short.
    size_t beyond() const { return beyond_; }

private:
    uint64_t byte() {
        if (next_ != end_) return *next_++;
        ++beyond_;
        return 0;
    }

    const uint8_t *next_, *end_;
    size_t beyond_ = 0;
    uint64_t low_ = 0, high_ = ~uint64_t{0}, value_ = 0;
};

// Counts the bits instead of writing them, for choices between ways of coding.
class BitCounter {
public:
    int code(int bit, uint32_t one) {
        sum_ += (16u << kLogBits) - log2_fixed(bit ? one : 65536 - one);
        return bit;
    }
    double bits() const { return static_cast<double>(sum_) / (1 << kLogBits); }

private:
    uint64_t sum_ = 0;
};

struct BitLearner {
    int code(int bit, uint32_t) { return bit; }
};

}  // namespace tinify::mixing
