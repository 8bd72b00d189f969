// SPDX-License-Identifier: Apache-2.0
#include "coder_rans64.hpp"

#include <algorithm>

namespace tinify {

namespace {

void put32(Bytes& out, uint32_t word) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<uint8_t>(word >> (8 * i)));
}

Bytes encode_segments(const std::vector<Segment>& segments) {
    BackwardWords words;
    const uint64_t state = rans64_encode(segments, kRans64Low, words);
    Bytes out;
    out.reserve(8 + 4 * words.size());
    put32(out, static_cast<uint32_t>(state));
    put32(out, static_cast<uint32_t>(state >> 32));
    for (size_t i = 0; i < words.size(); ++i) put32(out, words.data()[i]);
    return out;
}

}  // namespace

Bytes Rans64Encoder::encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    return encode_segments({{symbols, indexes, tables.get()}});
}

void Rans64Encoder::push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    rans64_check({symbols, indexes, tables.get()});
    const size_t size = indexes.size;
    if (kept_.empty() || kept_.back().tables != tables) kept_.push_back({{}, {}, tables});
    Kept& to = kept_.back();
    const size_t old = to.rows.size();
    to.symbols.resize(old + size);
    to.rows.resize(old + size);
    const int32_t* from = symbols.read(0, size, to.symbols.data() + old);
    if (from != to.symbols.data() + old) std::copy(from, from + size, to.symbols.data() + old);
    indexes.read_rows(0, size, tables->rows(), to.rows.data() + old);
}

Bytes Rans64Encoder::finish() {
    std::vector<Segment> segments;
    for (const Kept& kept : kept_)
        segments.push_back({{kept.symbols.data(), kept.symbols.size(), IntType::i32},
                            {kept.rows.data(), kept.rows.size(), IntType::u16},
                            kept.tables.get()});
    Bytes out = encode_segments(segments);
    kept_.clear();
    return out;
}

}  // namespace tinify
