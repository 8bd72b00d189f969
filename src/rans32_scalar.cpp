// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "checksum.hpp"
#include "rans32_kernels.hpp"

namespace tinify {

namespace {

// `Lanes` = 0 takes the number at run time; a constant keeps the states in registers.
template <uint32_t Lanes>
uint16_t* encode_lanes(const uint32_t* items, size_t count, uint32_t* states, uint32_t lanes_, uint16_t* words) {
    const uint32_t lanes = Lanes ? Lanes : lanes_;
    uint32_t x[Lanes ? Lanes : kMaxLanes];
    std::memcpy(x, states, lanes * sizeof(uint32_t));
    for (size_t i = count; i > 0; i -= lanes) {
        const uint32_t* item = items + i - lanes;
        for (uint32_t lane = lanes; lane-- > 0;) {
            const uint32_t freq = item[lane] & 0xFFFF, start = item[lane] >> 16;
            uint32_t state = x[lane];
            const bool full = (state >> 19) >= freq;
            words[-1] = static_cast<uint16_t>(state);
            words -= full;
            state = full ? state >> 16 : state;
            x[lane] = state + state / freq * (4096 - freq) + start;
        }
    }
    std::memcpy(states, x, lanes * sizeof(uint32_t));
    return words;
}

uint16_t* encode(const uint32_t* items, size_t count, uint32_t* states, uint32_t lanes, uint16_t* words) {
    switch (lanes) {
        case 1: return encode_lanes<1>(items, count, states, lanes, words);
        case 2: return encode_lanes<2>(items, count, states, lanes, words);
        case 4: return encode_lanes<4>(items, count, states, lanes, words);
        case 8: return encode_lanes<8>(items, count, states, lanes, words);
        default: return encode_lanes<0>(items, count, states, lanes, words);
    }
}

template <uint32_t Lanes>
size_t decode_lanes(const uint32_t* slots, const uint16_t* rows, size_t count, uint32_t* states, uint32_t lanes_,
                    const uint8_t*& next, const uint8_t* end, int32_t* out) {
    const uint32_t lanes = Lanes ? Lanes : lanes_;
    uint32_t x[Lanes ? Lanes : kMaxLanes];
    std::memcpy(x, states, lanes * sizeof(uint32_t));
    const uint8_t* p = next;
    size_t i = 0;
    while (i + lanes <= count && static_cast<size_t>(end - p) >= 2 * lanes) {
        for (uint32_t lane = 0; lane < lanes; ++lane) {
            uint32_t state = x[lane];
            const uint32_t slot = slots[static_cast<size_t>(rows[i + lane]) << 12 | (state & 4095)];
            state = ((slot & 4095) + 1) * (state >> 12) + (slot >> 12 & 4095);
            const bool low = state < kRans32Low;
            x[lane] = low ? state << 16 | load_word(p) : state;
            p += low ? 2 : 0;
            out[i + lane] = static_cast<int32_t>(slot) >> 24;
        }
        i += lanes;
    }
    std::memcpy(states, x, lanes * sizeof(uint32_t));
    next = p;
    return i;
}

size_t decode(const uint32_t* slots, const uint16_t* rows, size_t count, uint32_t* states, uint32_t lanes,
              const uint8_t*& next, const uint8_t* end, int32_t* out) {
    switch (lanes) {
        case 1: return decode_lanes<1>(slots, rows, count, states, lanes, next, end, out);
        case 2: return decode_lanes<2>(slots, rows, count, states, lanes, next, end, out);
        case 4: return decode_lanes<4>(slots, rows, count, states, lanes, next, end, out);
        case 8: return decode_lanes<8>(slots, rows, count, states, lanes, next, end, out);
        default: return decode_lanes<0>(slots, rows, count, states, lanes, next, end, out);
    }
}

void split(const FastView& tables, const uint16_t* rows, const int32_t* symbols, size_t count, uint32_t* items,
           SideWriter& side) {
    for (size_t i = 0; i < count; ++i) {
        const uint32_t h = static_cast<uint32_t>(symbols[i]);
        if (rows[i] < tables.plain_rows && h + 127 <= 254)
            items[i] = tables.items[static_cast<size_t>(rows[i]) << 8 | (h & 255)];
        else
            items[i] = 0;
        if (!items[i]) items[i] = split_one(tables, rows[i], symbols[i], side);
    }
}

void join(const FastView& tables, const uint16_t* rows, size_t count, int32_t* out, SideReader& side) {
    for (size_t i = 0; i < count; ++i)
        if (rows[i] >= tables.plain_rows || out[i] == kEscapeBin) out[i] = join_one(tables, rows[i], out[i], side);
}

void hash(uint32_t* lanes, const int32_t* symbols, size_t count) {
    for (size_t i = 0; i < count; i += Checksum::kLanes)
        for (uint32_t j = 0; j < Checksum::kLanes; ++j)
            lanes[j] = lanes[j] * Checksum::kFactor + static_cast<uint32_t>(symbols[i + j]);
}

}  // namespace

const Kernels kScalarKernels{"scalar", encode, decode, split, join, hash};

}  // namespace tinify
