// SPDX-License-Identifier: Apache-2.0
// Huffman-coded scans of a JPEG file from its quantized coefficients, byte for byte as libjpeg writes them.
// Source: ITU-T T.81 annexes F and G; the lengths of runs of ended blocks are libjpeg's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tinify::jpeg {

// Code words of symbols; size 0 where a symbol has none.
struct Huffman {
    std::array<uint16_t, 256> code{};
    std::array<uint8_t, 256> size{};

    Huffman() = default;
    // Sixteen numbers of codes by length, then the symbols in order, as a DHT segment has them. FormatError.
    Huffman(const uint8_t* table, size_t bytes);
};

struct Component {
    const int16_t* blocks;         // (rows, columns, 64), whole MCUs, coefficients by rows of vertical frequency
    long rows, columns;
    long real_rows, real_columns;  // those that a scan of this component alone holds
    int down, across;              // blocks of an MCU
    Huffman dc, ac;
};

struct Scan {
    std::vector<Component> components;
    int first, last, high, low;  // band and bits: Ss, Se, Ah, Al
    bool progressive;
    long restart;                // MCUs between restart markers, or 0
    bool pad;                    // the bit that fills the last byte before a marker
    size_t limit;                // bytes that may come out
};

// The entropy-coded bytes, restart markers in. FormatError: impossible parameters, a coefficient without a code word,
// more bytes than `limit`.
std::vector<uint8_t> write_scan(const Scan& scan);

}  // namespace tinify::jpeg
