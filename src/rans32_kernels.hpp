// SPDX-License-Identifier: Apache-2.0
// The inner loops of rans32, one set for each instruction set; every set makes and reads the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "side.hpp"

namespace tinify {

constexpr uint32_t kRans32Low = 1u << 15;  // states stay in [2^15, 2^31)
constexpr uint32_t kMaxLanes = 64;

constexpr int32_t kEscapeBin = -128;

// What FastTables holds, as the kernels read it.
struct FastView {
    const uint32_t* slots;   // by row << 12 | slot: (freq - 1) | (slot - start) << 12 | h << 24
    const uint32_t* items;   // by row << 8 | (h & 255): freq | start << 16, or 0 where h has no bin
    const int32_t* shifts;   // by row: a value is (h + anchor) << shift | raw bits
    const int32_t* anchors;
    uint32_t plain_rows;     // rows below have neither shift nor anchor: h is the value
    int32_t max_shift;
    bool anchored;           // some anchor is not zero
};

struct Kernels {
    const char* name;

    // Symbols `items` (freq | start << 16) of positions [0, count), from the last to the first, position i in lane
    // i % lanes; count is a multiple of lanes. Writes 16-bit words downwards from `words`; returns the new lowest.
    uint16_t* (*encode)(const uint32_t* items, size_t count, uint32_t* states, uint32_t lanes, uint16_t* words);

    // Inverse: fills `out` with h, -128 for an escape, for as many whole rounds of `lanes` as surely have their words;
    // moves `next`. Returns how many symbols it decoded.
    size_t (*decode)(const uint32_t* slots, const uint16_t* rows, size_t count, uint32_t* states, uint32_t lanes,
                     const uint8_t*& next, const uint8_t* end, int32_t* out);

    // From symbols to items, raw bits and escapes. `side.bits` has room.
    void (*split)(const FastView& tables, const uint16_t* rows, const int32_t* symbols, size_t count, uint32_t* items,
                  SideWriter& side);

    // From h (in `out`) to symbols, with the raw bits and escapes of `side`; FormatError when those end.
    void (*join)(const FastView& tables, const uint16_t* rows, size_t count, int32_t* out, SideReader& side);

    // count is a multiple of 32.
    void (*hash)(uint32_t* lanes, const int32_t* symbols, size_t count);
};

inline uint32_t split_one(const FastView& tables, uint16_t row, int32_t symbol, SideWriter& side) {
    const int32_t shift = tables.shifts[row];
    const uint32_t h = static_cast<uint32_t>(symbol >> shift) - static_cast<uint32_t>(tables.anchors[row]);
    const uint32_t* items = tables.items + (static_cast<size_t>(row) << 8);
    const uint32_t item = h + 127 <= 254 ? items[h & 255] : 0;
    if (!item) {
        put_zigzag(side.escapes, symbol);
        return items[128];
    }
    side.bits.put(static_cast<uint32_t>(symbol) & ((1u << shift) - 1), shift);
    return item;
}

inline int32_t join_one(const FastView& tables, uint16_t row, int32_t h, SideReader& side) {
    if (h == kEscapeBin) return side.escape();
    const int32_t shift = tables.shifts[row];
    const uint32_t high = static_cast<uint32_t>(h) + static_cast<uint32_t>(tables.anchors[row]);
    return static_cast<int32_t>(high << shift | static_cast<uint32_t>(side.bits.get(static_cast<size_t>(shift))));
}

extern const Kernels kScalarKernels;
const Kernels* avx2_kernels();    // nullptr where not compiled in or not in this CPU
const Kernels* avx512_kernels();

// The best that this CPU has, or what TINIFY_SIMD asks for (scalar, avx2, avx512) if the CPU has it.
const Kernels& kernels();
// From now on use that set; false, and no change, where this CPU lacks it. For tests.
bool use_kernels(const char* name);

inline uint32_t load_word(const uint8_t* p) { return static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8; }

}  // namespace tinify
