// SPDX-License-Identifier: Apache-2.0
#include "coder_rans64.hpp"

#include <algorithm>

namespace tinify {

namespace {

void put32(Bytes& out, uint32_t word) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<uint8_t>(word >> (8 * i)));
}

uint64_t encode_segments(const std::vector<Segment>& segments, uint64_t initial_state, Bytes& out) {
    BackwardWords words;
    const uint64_t state = rans64_encode(segments, initial_state, words);
    out.reserve(out.size() + 4 * words.size());
    for (size_t i = 0; i < words.size(); ++i) put32(out, words.data()[i]);
    return state;
}

Bytes with_state(uint64_t state, Bytes out) {
    for (int i = 0; i < 8; ++i) out[static_cast<size_t>(i)] = static_cast<uint8_t>(state >> (8 * i));
    return out;
}

}  // namespace

Bytes Rans64Encoder::encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    Bytes out(8);
    const uint64_t state = encode_segments({{symbols, indexes, tables.get()}}, kRans64Low, out);
    return with_state(state, std::move(out));
}

void Rans64Encoder::push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    if (!indexes.size) return;
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

uint64_t Rans64Encoder::finish_into(uint64_t initial_state, Bytes& words) {
    std::vector<Segment> segments;
    for (const Kept& kept : kept_)
        segments.push_back({{kept.symbols.data(), kept.symbols.size(), IntType::i32},
                            {kept.rows.data(), kept.rows.size(), IntType::u16},
                            kept.tables.get()});
    const uint64_t state = encode_segments(segments, initial_state, words);
    kept_.clear();
    return state;
}

Bytes Rans64Encoder::finish() {
    Bytes out(8);
    const uint64_t state = finish_into(kRans64Low, out);
    return with_state(state, std::move(out));
}

}  // namespace tinify
