// SPDX-License-Identifier: Apache-2.0
#include "coder_range.hpp"

#include <algorithm>

#include "escape.hpp"

namespace tinify {

namespace {

constexpr uint64_t kLeastRange = uint64_t{1} << 32;
constexpr size_t kFlush = 8;  // at most so many bytes stand for the last `low`

// The value within [low, low + range) that the fewest bytes give, zeros behind them.
uint64_t shortest(uint64_t low, uint64_t range, int& bytes) {
    uint64_t value = 0;
    for (bytes = 0; bytes <= 8; ++bytes) {
        const uint64_t mask = bytes == 0 ? ~uint64_t{0} : bytes == 8 ? 0 : ~uint64_t{0} >> (8 * bytes);
        value = (low + mask) & ~mask;
        if (value - low < range) break;
    }
    return value;
}

}  // namespace

void RangeEncoder::carry() {
    for (size_t i = words_.size(); i-- > 0;)
        if (++words_[i]) return;
}

inline void RangeEncoder::code(uint64_t start, uint64_t freq) {
    const uint64_t scale = range_ >> kPrecision, before = low_;
    low_ += scale * start;
    if (low_ < before) carry();
    range_ = scale * freq;
    if (range_ < kLeastRange) {
        words_.push_back(static_cast<uint32_t>(low_ >> 32));
        low_ <<= 32;
        range_ <<= 32;
    }
}

void RangeEncoder::code_raw(uint32_t raw) {
    const int count = nibble_count(raw);
    code(static_cast<uint64_t>(count) << 12, 1 << 12);
    for (int i = 0; i < count; ++i) code(static_cast<uint64_t>(raw >> (4 * i) & 15) << 12, 1 << 12);
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
            code(start[0], start[1] - start[0]);
            if (bin == row.escape) code_raw(raw);
        }
    }
}

Bytes RangeEncoder::finish() {
    const uint32_t check = check_.value();
    code(check & 0xFFFF, 1);
    code(check >> 16, 1);
    int bytes;
    const uint64_t value = shortest(low_, range_, bytes);
    if (value < low_) carry();
    Bytes out;
    out.reserve(4 * words_.size() + kFlush);
    for (uint32_t word : words_)
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(word >> shift));
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (56 - 8 * i)));
    *this = RangeEncoder();
    return out;
}

RangeDecoder::RangeDecoder(const uint8_t* data, size_t size) : data_(data), size_(size) {
    value_ = next32() << 32;
    value_ |= next32();
}

inline uint64_t RangeDecoder::next32() {
    uint64_t word = 0;
    for (int i = 0; i < 4; ++i, ++at_) word = word << 8 | (at_ < size_ ? data_[at_] : 0);
    if (at_ > size_ + kFlush) throw DesyncError("the stream ends before its symbols do");
    return word;
}

inline uint32_t RangeDecoder::slot() {
    scale_ = range_ >> kPrecision;
    const uint64_t slot = value_ / scale_;
    if (slot >= kTotal) throw DesyncError("damaged stream, or other tables than those it was written with");
    return static_cast<uint32_t>(slot);
}

inline void RangeDecoder::take(uint64_t start, uint64_t freq) {
    value_ -= scale_ * start;
    low_ += scale_ * start;
    range_ = scale_ * freq;
    if (range_ < kLeastRange) {
        value_ = value_ << 32 | next32();
        low_ <<= 32;
        range_ <<= 32;
    }
}

uint32_t RangeDecoder::take_even(int bits) {
    const uint32_t value = slot() >> (kPrecision - static_cast<uint32_t>(bits));
    take(uint64_t{value} << (kPrecision - static_cast<uint32_t>(bits)), uint64_t{kTotal} >> bits);
    return value;
}

void RangeDecoder::pull(const IntView& indexes, const TablesPtr& tables, int32_t* out) {
    uint16_t rows[kBlock];
    for (size_t begin = 0; begin < indexes.size; begin += kBlock) {
        const size_t count = std::min(kBlock, indexes.size - begin);
        indexes.read_rows(begin, count, tables->rows(), rows);
        for (size_t i = 0; i < count; ++i) {
            const Row& row = tables->row(rows[i]);
            const uint32_t bin = tables->find(rows[i], slot());
            const uint32_t* start = tables->starts(row) + bin;
            take(start[0], start[1] - start[0]);
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
    int bytes;
    const uint64_t value = shortest(low_, range_, bytes);
    if (low_ + value_ != value || at_ + static_cast<size_t>(bytes) != size_ + kFlush) throw DesyncError("the stream does not end with its last symbol: damaged, or other indexes than the encoder's");
}

}  // namespace tinify
