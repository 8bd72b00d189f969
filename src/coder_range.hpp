// SPDX-License-Identifier: Apache-2.0
// The range coder (range_state.hpp) for symbols under tables; the stream ends with the check of its symbols.
#pragma once

#include "checksum.hpp"
#include "coder_rans64.hpp"
#include "range_state.hpp"

namespace tinify {

class RangeEncoder {
public:
    static Bytes encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);
    void push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);
    Bytes finish();

private:
    void code_raw(uint32_t raw);
    RangeWriter state_;
    Checksum check_;
};

class RangeDecoder {
public:
    RangeDecoder(const uint8_t* data, size_t size) : state_(data, size) {}
    void pull(const IntView& indexes, const TablesPtr& tables, int32_t* out);
    void finish();

private:
    uint32_t take_even(int bits);  // a value of so many bits, all equally likely
    RangeReader state_;
    Checksum check_;
};

}  // namespace tinify
