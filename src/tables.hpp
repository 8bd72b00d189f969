// SPDX-License-Identifier: Apache-2.0
// A set of 16-bit CDFs, checked once, and what each coder derives from it on first use.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace tinify {

class FastTables;  // rans32.hpp's 12-bit tables

constexpr uint32_t kPrecision = 16;
constexpr uint32_t kTotal = 1u << kPrecision;
constexpr uint32_t kMaxRows = 1u << 16;
constexpr uint32_t kHintBits = 8;

// One bin of one row, with the reciprocal that replaces a division by `freq` for every dividend below 2^63.
struct Bin {
    uint64_t reciprocal;
    uint32_t start;
    uint16_t freq;  // 65536, a row's only bin, is stored as 0
    uint16_t shift;
    uint32_t width() const { return freq ? freq : kTotal; }
};

struct Row {
    size_t first;     // of its bins and of its starts
    int32_t escape;   // number of its last bin, which stands for every value beyond the others
    int32_t offset;   // value of bin 0
};

// Rows as CompressAI lays them out: row r is cdfs[r * width ...], 0 ... 65536 in its first lengths[r] entries, strictly
// ascending; its last bin is the escape. Throws InputError for anything else.
class Tables {
public:
    Tables(const int32_t* cdfs, size_t rows, size_t width, const int32_t* lengths, const int32_t* offsets);
    ~Tables();
    Tables(const Tables&) = delete;

    uint32_t rows() const { return static_cast<uint32_t>(rows_.size()); }
    const Row& row(size_t i) const { return rows_[i]; }
    const Row* row_data() const { return rows_.data(); }
    // Bin boundaries of a row: 0 ... 65536, escape + 2 of them.
    const uint32_t* starts(const Row& row) const { return starts_.data() + row.first; }
    const Bin* bins(const Row& row) const { return bins_.data() + row.first; }

    // Largest bin whose start is <= slot (slot < 65536).
    uint32_t find(size_t row, uint32_t slot) const {
        const uint32_t* start = starts_.data() + rows_[row].first;
        uint32_t bin = hints_[(row << kHintBits) + (slot >> (kPrecision - kHintBits))];
        while (start[bin + 1] <= slot) ++bin;
        return bin;
    }

    bool same_as(const int32_t* cdfs, size_t rows, size_t width, const int32_t* lengths, const int32_t* offsets) const;

    // The 12-bit tables of rans32, or nullptr where these rows do not fit in them. Built on first use.
    const FastTables* fast() const;

private:
    void add_row(const int32_t* cdf, size_t number, size_t width, int32_t length, int32_t offset);
    std::vector<Row> rows_;
    std::vector<uint32_t> starts_;
    std::vector<Bin> bins_;
    std::vector<uint16_t> hints_;
    mutable std::once_flag fast_once_;
    mutable std::unique_ptr<FastTables> fast_;
};

}  // namespace tinify
