// SPDX-License-Identifier: Apache-2.0
// A range coder: 64-bit low and range, 32-bit words high byte first, carries run back into the words already made.
// The stream ends with the check of its symbols and leaves off the bytes that any value would do for.
// Source: Martin 1979, "Range encoding"; Schindler 1998.
#pragma once

#include <vector>

#include "checksum.hpp"
#include "coder_rans64.hpp"

namespace tinify {

class RangeEncoder {
public:
    static Bytes encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);
    void push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);
    Bytes finish();

private:
    void code(uint64_t start, uint64_t freq);  // freq of 65536
    void code_raw(uint32_t raw);
    void carry();
    std::vector<uint32_t> words_;
    uint64_t low_ = 0, range_ = ~uint64_t{0};
    Checksum check_;
};

class RangeDecoder {
public:
    RangeDecoder(const uint8_t* data, size_t size);
    void pull(const IntView& indexes, const TablesPtr& tables, int32_t* out);
    void finish();

private:
    uint32_t slot();
    void take(uint64_t start, uint64_t freq);
    uint32_t take_even(int bits);  // a value of so many bits, all equally likely
    uint64_t next32();
    const uint8_t* data_;
    size_t size_, at_ = 0;
    uint64_t low_ = 0, value_ = 0, range_ = ~uint64_t{0}, scale_ = 0;  // value is above low
    Checksum check_;
};

}  // namespace tinify
