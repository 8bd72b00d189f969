// SPDX-License-Identifier: Apache-2.0
// Values beyond a row's bins: how they become nibbles and come back. The rules are those of CompressAI's `ans`.
#pragma once

#include <cstdint>

#include "errors.hpp"

namespace tinify {

constexpr int kMaxNibbles = 8;

// The bin of `symbol` in a row of `escape` ordinary bins; when that is the escape bin, `raw` is what follows it.
inline int32_t classify(int32_t symbol, int32_t offset, int32_t escape, uint32_t& raw) {
    const int64_t value = static_cast<int64_t>(symbol) - offset;
    if (static_cast<uint64_t>(value) < static_cast<uint64_t>(escape)) return static_cast<int32_t>(value);
    const int64_t wide = value < 0 ? -2 * value - 1 : 2 * (value - escape);
    if (wide > 0xFFFFFFFFll) throw InputError("a symbol is more than 2^31 away from its table's offset");
    raw = static_cast<uint32_t>(wide);
    return escape;
}

inline int nibble_count(uint32_t raw) {
    int count = 0;
    while (count < kMaxNibbles && raw >> (4 * count)) ++count;
    return count;
}

// Inverse of `classify`'s `raw`. DesyncError where the symbol would leave 32 bits.
inline int32_t unescape(uint32_t raw, int32_t offset, int32_t escape) {
    const int64_t half = raw >> 1;
    const int64_t value = (raw & 1 ? -half - 1 : half + escape) + offset;
    if (value != static_cast<int32_t>(value)) throw DesyncError("damaged stream: an escaped symbol leaves 32 bits");
    return static_cast<int32_t>(value);
}

// Reads the count and the nibbles through `next()`, which gives 4 bits.
template <class Next>
uint32_t read_nibbles(Next next) {
    uint32_t count = 0, part;
    do {
        part = next();
        count += part;
        if (count > kMaxNibbles) throw DesyncError("damaged stream: an escaped symbol has too many digits");
    } while (part == 15);
    uint32_t raw = 0;
    for (uint32_t i = 0; i < count; ++i) raw |= next() << (4 * i);
    return raw;
}

}  // namespace tinify
