// SPDX-License-Identifier: Apache-2.0
#include "coder_range.hpp"

#include <algorithm>

#include "escape.hpp"

namespace tinify {

void RangeEncoder::code_raw(uint32_t raw) {
    const int count = nibble_count(raw);
    state_.code(static_cast<uint64_t>(count) << 12, 1 << 12);
    for (int i = 0; i < count; ++i) state_.code(static_cast<uint64_t>(raw >> (4 * i) & 15) << 12, 1 << 12);
}

Bytes RangeEncoder::encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    RangeEncoder encoder;
    encoder.push(symbols, indexes, tables);
    return encoder.finish();
}

void RangeEncoder::push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    rans64_check({symbols, indexes, tables.get()});
    int32_t buffer[kBlock];
    uint16_t rows[kBlock];
    for (size_t begin = 0; begin < symbols.size; begin += kBlock) {
        const size_t count = std::min(kBlock, symbols.size - begin);
        indexes.read_rows(begin, count, tables->rows(), rows);
        const int32_t* values = symbols.read(begin, count, buffer);
        check_.add(values, count);
        for (size_t i = 0; i < count; ++i) {
            const Row& row = tables->row(rows[i]);
            uint32_t raw = 0;
            const int32_t bin = classify(values[i], row.offset, row.escape, raw);
            const uint32_t* start = tables->starts(row) + bin;
            state_.code(start[0], start[1] - start[0]);
            if (bin == row.escape) code_raw(raw);
        }
    }
}

Bytes RangeEncoder::finish() {
    const uint32_t check = check_.value();
    state_.code(check & 0xFFFF, 1);
    state_.code(check >> 16, 1);
    Bytes out;
    state_.finish(out);
    *this = RangeEncoder();
    return out;
}

uint32_t RangeDecoder::take_even(int bits) {
    const uint32_t value = state_.slot() >> (kPrecision - static_cast<uint32_t>(bits));
    state_.take(uint64_t{value} << (kPrecision - static_cast<uint32_t>(bits)), uint64_t{kTotal} >> bits);
    return value;
}

void RangeDecoder::pull(const IntView& indexes, const TablesPtr& tables, int32_t* out) {
    uint16_t rows[kBlock];
    for (size_t begin = 0; begin < indexes.size; begin += kBlock) {
        const size_t count = std::min(kBlock, indexes.size - begin);
        indexes.read_rows(begin, count, tables->rows(), rows);
        for (size_t i = 0; i < count; ++i) {
            const Row& row = tables->row(rows[i]);
            const uint32_t bin = tables->find(rows[i], state_.slot());
            const uint32_t* start = tables->starts(row) + bin;
            state_.take(start[0], start[1] - start[0]);
            if (static_cast<int32_t>(bin) == row.escape)
                out[begin + i] = unescape(read_nibbles([&] { return take_even(4); }), row.offset, row.escape);
            else
                out[begin + i] = static_cast<int32_t>(static_cast<int64_t>(bin) + row.offset);
        }
        check_.add(out + begin, count);
    }
}

void RangeDecoder::finish() {
    const uint32_t low = take_even(16);
    const uint32_t check = low | take_even(16) << 16;
    if (check != check_.value())
        throw DesyncError("the decoded symbols are not the encoder's: damaged stream, or other tables or indexes than "
                          "those it was written with");
    if (!state_.at_end())
        throw DesyncError("the stream does not end with its last symbol: damaged, or other indexes than the encoder's");
}

}  // namespace tinify
