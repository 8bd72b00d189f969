// SPDX-License-Identifier: Apache-2.0
#include "coder_rans32.hpp"

#include <algorithm>
#include <cstring>

namespace tinify {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are copied as they lie in memory");

namespace {

constexpr uint32_t kNoLanes = 7;
constexpr uint8_t kSideFlag = 8;

// More lanes are faster and cost about 3 bytes each, so they come as the stream grows.
uint32_t log2_lanes(size_t symbols) {
    if (symbols < 512) return 0;
    if (symbols < 1u << 14) return 1;
    if (symbols < 1u << 17) return 2;
    if (symbols < 1u << 19) return 3;
    return 5;
}

uint32_t initial_state(uint32_t lane, uint32_t check) {
    return kRans32Low | (lane < 3 ? check >> (15 * lane) & 0x7FFF : 0);
}

uint64_t initial_wide_state(uint32_t check) { return kRans64Low | (check & 0x7FFFFFFF); }

void put_little(Bytes& out, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

uint64_t get_little(const uint8_t* p, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; ++i) value |= static_cast<uint64_t>(p[i]) << (8 * i);
    return value;
}

// Lane states and words of `count` items, in the order in which they are read.
void encode_lanes(const uint32_t* items, size_t count, uint32_t check, Bytes& out) {
    const uint32_t lanes = 1u << log2_lanes(count);
    uint32_t states[kMaxLanes];
    for (uint32_t lane = 0; lane < lanes; ++lane) states[lane] = initial_state(lane, check);
    constexpr size_t kSlack = 16;  // kernels store whole vectors below the last word
    const size_t capacity = count + kSlack;
    std::unique_ptr<uint16_t[]> buffer(new uint16_t[capacity]);
    uint16_t* words = buffer.get() + capacity;
    const size_t whole = count / lanes * lanes;
    for (size_t i = count; i-- > whole;) words = kScalarKernels.encode(items + i, 1, states + (i - whole), 1, words);
    words = kernels().encode(items, whole, states, lanes, words);
    for (uint32_t lane = 0; lane < lanes; ++lane) put_little(out, states[lane], 4);
    const uint8_t* bytes = reinterpret_cast<const uint8_t*>(words);
    out.insert(out.end(), bytes, reinterpret_cast<const uint8_t*>(buffer.get() + capacity));
}

}  // namespace

uint32_t* ItemBuffer::extend(size_t count) {
    if (capacity_ - size_ < count) {
        const size_t capacity = std::max(size_ + count, 2 * capacity_);
        std::unique_ptr<uint32_t[]> grown(new uint32_t[capacity]);
        if (size_) std::memcpy(grown.get(), items_.get(), size_ * sizeof(uint32_t));
        items_ = std::move(grown);
        capacity_ = capacity;
    }
    uint32_t* at = items_.get() + size_;
    size_ += count;
    return at;
}

Bytes Rans32Encoder::encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    Rans32Encoder encoder;
    encoder.push(symbols, indexes, tables);
    return encoder.finish();
}

void Rans32Encoder::push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables) {
    if (tables->fast()) return push_fast(symbols, indexes, *tables);
    wide_.push(symbols, indexes, tables);
    int32_t buffer[kBlock];
    for (size_t begin = 0; begin < symbols.size; begin += kBlock) {
        const size_t count = std::min(kBlock, symbols.size - begin);
        check_.add(symbols.read(begin, count, buffer), count);
    }
}

void Rans32Encoder::push_fast(const IntView& symbols, const IntView& indexes, const Tables& tables) {
    const FastView& fast = tables.fast()->view();
    const Kernels& kernel = kernels();
    const size_t old_items = items_.size(), old_escapes = side_.escapes.size();
    const BitWriter::Mark old_bits = side_.bits.mark();
    const Checksum old_check = check_;
    int32_t buffer[kBlock];
    uint16_t rows[kBlock];
    uint32_t* out = items_.extend(symbols.size);
    try {
        for (size_t begin = 0; begin < symbols.size; begin += kBlock) {
            const size_t count = std::min(kBlock, symbols.size - begin);
            indexes.read_rows(begin, count, tables.rows(), rows);
            const int32_t* values = symbols.read(begin, count, buffer);
            check_.add(values, count);
            side_.bits.reserve(count * static_cast<size_t>(fast.max_shift));
            kernel.split(fast, rows, values, count, out + begin, side_);
        }
    } catch (...) {  // a refused segment leaves the stream as it was
        items_.shrink(old_items);
        side_.escapes.resize(old_escapes);
        side_.bits.rewind(old_bits);
        check_ = old_check;
        throw;
    }
}

Bytes Rans32Encoder::finish() {
    const uint32_t check = check_.value();
    const Bytes bits = side_.bits.finish(), escapes = std::move(side_.escapes);
    const bool side = !bits.empty() || !escapes.empty(), lanes = items_.size() > 0, wide = !wide_.empty();
    Bytes wide_words;
    int state_bytes = 0;
    if (wide) {
        const uint64_t state = wide_.finish_into(initial_wide_state(check), wide_words);
        while (state_bytes < 8 && state >> (8 * state_bytes)) ++state_bytes;
        Bytes section;
        put_little(section, state, state_bytes);
        section.insert(section.end(), wide_words.begin(), wide_words.end());
        wide_words = std::move(section);
    }
    Bytes out;
    out.reserve(items_.size() / 2 + bits.size() + escapes.size() + wide_words.size() + 300);
    out.push_back(static_cast<uint8_t>((lanes ? log2_lanes(items_.size()) : kNoLanes) | (side ? kSideFlag : 0) |
                                       (wide ? (state_bytes - 3) << 4 : 0)));
    if (side) put_varint(out, bits.size());
    if (side) put_varint(out, escapes.size());
    if (lanes && wide) put_varint(out, wide_words.size());
    if (lanes) encode_lanes(items_.data(), items_.size(), check, out);
    out.insert(out.end(), bits.begin(), bits.end());
    out.insert(out.end(), escapes.begin(), escapes.end());
    out.insert(out.end(), wide_words.begin(), wide_words.end());
    *this = Rans32Encoder();
    return out;
}

Rans32Decoder::Rans32Decoder(const uint8_t* data, size_t size) {
    if (size == 0) throw FormatError("an empty stream; a rans32 stream has at least 1 byte");
    const uint8_t head = data[0];
    const uint32_t log2 = head & 7, state_bytes = (head >> 4 & 7) ? (head >> 4 & 7) + 3 : 0;
    if (head >> 7 || state_bytes > 8) throw FormatError("damaged stream, or one of a later version: unknown head");
    lanes_ = log2 == kNoLanes ? 0 : 1u << log2;
    wide_ = state_bytes > 0;
    const uint8_t *next = data + 1, *end = data + size;
    const uint64_t bits = head & kSideFlag ? get_varint(next, end) : 0;
    const uint64_t escapes = head & kSideFlag ? get_varint(next, end) : 0;
    uint64_t wide = lanes_ && wide_ ? get_varint(next, end) : 0;
    const uint64_t left = static_cast<uint64_t>(end - next);
    if (bits > left || escapes > left - bits || wide > left - bits - escapes || 4 * lanes_ > left - bits - escapes - wide)
        throw FormatError("the stream is cut off, or its lengths are damaged");
    if (wide_ && !lanes_) wide = left - bits - escapes;
    if (wide < state_bytes) throw FormatError("the stream is cut off before its state");
    const uint8_t* wide_at = end - wide;
    if (wide_) wide_core_.begin(get_little(wide_at, static_cast<int>(state_bytes)), wide_at + state_bytes,
                                wide - state_bytes);
    end_ = wide_at - escapes - bits;
    side_ = {BitReader(end_, bits), wide_at - escapes, wide_at};
    for (uint32_t lane = 0; lane < lanes_; ++lane, next += 4) {
        states_[lane] = static_cast<uint32_t>(get_little(next, 4));
        if (states_[lane] < kRans32Low || states_[lane] >> 31) throw FormatError("damaged stream: a state is out of range");
    }
    next_ = next;
}

void Rans32Decoder::pull(const IntView& indexes, const TablesPtr& tables, int32_t* out) {
    const FastTables* fast = tables->fast();
    if (indexes.size && !(fast ? lanes_ > 0 : wide_))
        throw DesyncError("the stream holds no symbols of this kind of table: other tables than the encoder's?");
    uint16_t rows[kBlock];
    for (size_t begin = 0; begin < indexes.size; begin += kBlock) {
        const size_t count = std::min(kBlock, indexes.size - begin);
        if (fast) {
            indexes.read_rows(begin, count, tables->rows(), rows);
            pull_fast(fast->view(), rows, count, out + begin);
        } else {
            wide_core_.pull(indexes.part(begin, count), *tables, out + begin);
        }
        check_.add(out + begin, count);
    }
}

int32_t Rans32Decoder::step(const FastView& fast, uint16_t row) {
    uint32_t& x = states_[position_++ % lanes_];
    const uint32_t slot = fast.slots[static_cast<size_t>(row) << 12 | (x & 4095)];
    x = ((slot & 4095) + 1) * (x >> 12) + (slot >> 12 & 4095);
    if (x < kRans32Low) {
        if (end_ - next_ < 2) throw DesyncError("the stream ends before its symbols do");
        x = x << 16 | load_word(next_);
        next_ += 2;
    }
    return static_cast<int32_t>(slot) >> 24;
}

void Rans32Decoder::pull_fast(const FastView& fast, const uint16_t* rows, size_t count, int32_t* out) {
    size_t i = 0;
    const auto steps_until = [&](size_t stop) {
        for (; i < stop; ++i) out[i] = step(fast, rows[i]);
    };
    const size_t lead = (lanes_ - position_ % lanes_) % lanes_;
    steps_until(std::min(count, lead));
    for (const Kernels* set : {&kernels(), &kScalarKernels}) {  // the second needs fewer bytes of margin
        const size_t done = set->decode(fast.slots, rows + i, count - i, states_, lanes_, next_, end_, out + i);
        position_ += done;
        i += done;
    }
    steps_until(count);
    kernels().join(fast, rows, count, out, side_);
}

void Rans32Decoder::finish() const {
    const uint32_t check = check_.value();
    for (uint32_t lane = 0; lane < lanes_; ++lane)
        if (states_[lane] != initial_state(lane, check))
            throw DesyncError("the decoded symbols are not the encoder's: damaged stream, or other tables or indexes "
                              "than those it was written with");
    if (wide_) wide_core_.finish(initial_wide_state(check));
    if (next_ != end_ || !side_.finished())
        throw DesyncError("bytes are left after the last symbol: other tables or indexes than the encoder's?");
    if (!lanes_ && !wide_ && check != Checksum().value()) throw DesyncError("symbols were read from an empty stream");
}

}  // namespace tinify
