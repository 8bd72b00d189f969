// SPDX-License-Identifier: Apache-2.0
#include "rans64.hpp"

#include <algorithm>
#include <cstring>

#include "escape.hpp"

namespace tinify {

void BackwardWords::reserve(size_t words) {
    if (begin_ >= words) return;
    const size_t used = size(), capacity = std::max(2 * capacity_, used + words + 64);
    std::unique_ptr<uint32_t[]> grown(new uint32_t[capacity]);
    if (used) std::memcpy(grown.get() + capacity - used, data(), used * sizeof(uint32_t));
    buffer_ = std::move(grown);
    begin_ = capacity - used;
    capacity_ = capacity;
}

namespace {

inline uint64_t high_product(uint64_t a, uint64_t b) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}

inline uint64_t push_bin(uint64_t x, const Bin& bin, BackwardWords& words) {
    const uint64_t freq = bin.width();
    if (x >= freq << 47) {
        words.push(static_cast<uint32_t>(x));
        x >>= 32;
    }
    const uint64_t q = freq == 1 ? x : high_product(x, bin.reciprocal) >> bin.shift;
    return x + bin.start + q * (kTotal - freq);
}

inline uint64_t push_nibble(uint64_t x, uint32_t nibble, BackwardWords& words) {
    if (x >= 1ull << 59) {
        words.push(static_cast<uint32_t>(x));
        x >>= 32;
    }
    return x << 4 | nibble;
}

uint64_t push_raw(uint64_t x, uint32_t raw, BackwardWords& words) {
    words.reserve(16);
    const int count = nibble_count(raw);
    for (int i = count; i-- > 0;) x = push_nibble(x, raw >> (4 * i) & 15, words);
    return push_nibble(x, static_cast<uint32_t>(count), words);
}

uint64_t encode_block(uint64_t x, const int32_t* symbols, const uint16_t* rows, size_t count, const Tables& tables,
                      BackwardWords& words) {
    const Row* table = tables.row_data();
    words.reserve(count);
    for (size_t i = count; i-- > 0;) {
        const Row& row = table[rows[i]];
        uint32_t raw = 0;
        const int32_t bin = classify(symbols[i], row.offset, row.escape, raw);
        if (bin == row.escape) {
            x = push_raw(x, raw, words);
            words.reserve(i + 1);
        }
        x = push_bin(x, tables.bins(row)[bin], words);
    }
    return x;
}

}  // namespace

uint64_t rans64_encode(const std::vector<Segment>& segments, uint64_t initial_state, BackwardWords& words) {
    uint64_t x = initial_state;
    int32_t symbol_buffer[kBlock];
    uint16_t rows[kBlock];
    for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
        size_t end = segment->indexes.size;
        while (end > 0) {
            const size_t count = (end - 1) % kBlock + 1, begin = end - count;
            segment->indexes.read_rows(begin, count, segment->tables->rows(), rows);
            const int32_t* symbols = segment->symbols.read(begin, count, symbol_buffer);
            x = encode_block(x, symbols, rows, count, *segment->tables, words);
            end = begin;
        }
    }
    return x;
}

void rans64_check(const Segment& segment) {
    int32_t symbol_buffer[kBlock];
    uint16_t rows[kBlock];
    uint32_t raw;
    for (size_t begin = 0; begin < segment.indexes.size; begin += kBlock) {
        const size_t count = std::min(kBlock, segment.indexes.size - begin);
        segment.indexes.read_rows(begin, count, segment.tables->rows(), rows);
        const int32_t* symbols = segment.symbols.read(begin, count, symbol_buffer);
        for (size_t i = 0; i < count; ++i) {
            const Row& row = segment.tables->row(rows[i]);
            classify(symbols[i], row.offset, row.escape, raw);
        }
    }
}

void Rans64Decoder::begin(uint64_t state, const uint8_t* words, size_t bytes) {
    if (bytes % 4) throw FormatError("damaged stream: its length is not a whole number of words");
    if (state < kRans64Low || state >> 63) throw FormatError("damaged stream: the state is out of range");
    state_ = state;
    next_ = words;
    end_ = words + bytes;
}

void Rans64Decoder::begin_stream(const uint8_t* data, size_t bytes) {
    if (bytes < 8) throw FormatError("stream of " + std::to_string(bytes) + " bytes; a rans64 stream has at least 8");
    uint64_t state = 0;
    for (int i = 0; i < 8; ++i) state |= static_cast<uint64_t>(data[i]) << (8 * i);
    begin(state, data + 8, bytes - 8);
}

inline uint32_t Rans64Decoder::word() {
    if (next_ == end_) throw DesyncError("the stream ends before its symbols do");
    const uint8_t* p = next_;
    next_ += 4;
    return static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 | static_cast<uint32_t>(p[2]) << 16 |
           static_cast<uint32_t>(p[3]) << 24;
}

void Rans64Decoder::pull(const IntView& indexes, const Tables& tables, int32_t* out) {
    uint16_t rows[kBlock];
    const Row* table = tables.row_data();
    const size_t total = indexes.size;
    for (size_t begin = 0; begin < total; begin += kBlock) {
        const size_t count = std::min(kBlock, total - begin);
        indexes.read_rows(begin, count, tables.rows(), rows);
        uint64_t x = state_;
        for (size_t i = 0; i < count; ++i) {
            const Row& row = table[rows[i]];
            const uint32_t slot = x & (kTotal - 1);
            const uint32_t bin = tables.find(rows[i], slot);
            const uint32_t* start = tables.starts(row) + bin;
            x = static_cast<uint64_t>(start[1] - start[0]) * (x >> kPrecision) + (slot - start[0]);
            if (x < kRans64Low) x = x << 32 | word();
            if (static_cast<int32_t>(bin) == row.escape) {
                const uint32_t raw = read_nibbles([&] {
                    const uint32_t nibble = x & 15;
                    x >>= 4;
                    if (x < kRans64Low) x = x << 32 | word();
                    return nibble;
                });
                out[begin + i] = unescape(raw, row.offset, row.escape);
            } else {
                out[begin + i] = static_cast<int32_t>(static_cast<int64_t>(bin) + row.offset);
            }
        }
        state_ = x;
    }
}

void Rans64Decoder::finish(uint64_t expected) const {
    if (state_ != expected)
        throw DesyncError("the coder does not end where it began: damaged stream, or other tables or indexes than "
                          "those it was written with");
    if (next_ != end_) throw DesyncError("bytes are left after the last symbol: other indexes than the encoder's?");
}

}  // namespace tinify
