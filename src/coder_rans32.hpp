// SPDX-License-Identifier: Apache-2.0
// The native coder. Symbols whose tables fit in 12 bits go to interleaved 32-bit states with 16-bit words, which SIMD
// reads; those of wider tables go to one 64-bit state with the exact 16-bit tables. A stream may hold both.
//
//   byte 0       bits 0-2  log2 of the number of lanes, 7 = no 12-bit symbols
//                bit  3    side sections follow the words
//                bits 4-6  0 = no wide symbols, else 3 less than the bytes of their state
//   varints      if side: bytes of raw bits, bytes of escapes; if lanes and wide: bytes of the wide section
//   lanes        32-bit states, then 16-bit words; then raw bits, escapes, wide section (state, 32-bit words)
//
// All little-endian. Symbol i of the 12-bit ones is in lane i % lanes. States begin with the check of all symbols in their
// low bits, 15 bits of it in each of the first three lanes and 31 in the wide state: so it costs nothing.
// Source: Duda 2013, arXiv:1311.2540; interleaving: Giesen 2014, arXiv:1402.3392.
#pragma once

#include <memory>
#include <vector>

#include "checksum.hpp"
#include "coder_rans64.hpp"
#include "rans32_kernels.hpp"
#include "rans32_tables.hpp"
#include "side.hpp"

namespace tinify {

// An array that grows without being cleared first.
class ItemBuffer {
public:
    uint32_t* extend(size_t count);  // room for `count` more; valid until the next call
    void shrink(size_t size) { size_ = size; }
    const uint32_t* data() const { return items_.get(); }
    size_t size() const { return size_; }

private:
    std::unique_ptr<uint32_t[]> items_;
    size_t size_ = 0, capacity_ = 0;
};

class Rans32Encoder {
public:
    static Bytes encode(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);
    void push(const IntView& symbols, const IntView& indexes, const TablesPtr& tables);
    Bytes finish();

private:
    void push_fast(const IntView& symbols, const IntView& indexes, const Tables& tables);
    ItemBuffer items_;
    SideWriter side_;
    Checksum check_;
    Rans64Encoder wide_;
};

class Rans32Decoder {
public:
    Rans32Decoder(const uint8_t* data, size_t size);
    void pull(const IntView& indexes, const TablesPtr& tables, int32_t* out);
    void finish() const;

private:
    void pull_fast(const FastView& fast, const uint16_t* rows, size_t count, int32_t* out);
    int32_t step(const FastView& fast, uint16_t row);

    uint32_t lanes_ = 0;
    bool wide_ = false;
    uint64_t position_ = 0;
    uint32_t states_[kMaxLanes] = {};
    const uint8_t *next_ = nullptr, *end_ = nullptr;  // words
    SideReader side_;
    Rans64Decoder wide_core_;
    Checksum check_;
};

}  // namespace tinify
