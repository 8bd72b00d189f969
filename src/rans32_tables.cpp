// SPDX-License-Identifier: Apache-2.0
#include "rans32_tables.hpp"

#include <algorithm>

#include "requantize.hpp"
#include "tables.hpp"

namespace tinify {

namespace {

constexpr uint32_t kMaxFastRows = 1024;  // 16 KiB each
constexpr int kUnit = 16 + 24;           // excess and entropy are in bits times 2^40

// Expected bits above the 16-bit tables': at most 1/256 + 0.002 bit for one row and 1/800 + 0.001 for their mean.
bool row_is_close(const FastRow& row) { return row.excess <= row.entropy / 256 + (int64_t{1} << (kUnit - 9)); }

}  // namespace

std::unique_ptr<FastTables> FastTables::build(const Tables& tables) {
    const uint32_t rows = tables.rows();
    if (rows > kMaxFastRows) return nullptr;
    std::vector<FastRow> fast(rows);
    int64_t excess = 0, allowed = 0;  // of at most 1024 rows with at most 2^44 each
    for (uint32_t r = 0; r < rows; ++r) {
        if (!requantize(tables, tables.row(r), fast[r]) || !row_is_close(fast[r])) return nullptr;
        excess += fast[r].excess;
        allowed += fast[r].entropy / 800 + (int64_t{1} << (kUnit - 10));
    }
    if (excess > allowed) return nullptr;

    auto result = std::make_unique<FastTables>();
    result->slots_.resize(size_t{rows} << kFastPrecision);
    result->items_.resize(size_t{rows} << 8);
    uint32_t plain_rows = rows;
    int32_t max_shift = 0;
    bool anchored = false;
    for (uint32_t r = 0; r < rows; ++r) {
        result->anchors_.push_back(fast[r].anchor);
        result->shifts_.push_back(fast[r].shift);
        if (fast[r].anchor || fast[r].shift) plain_rows = std::min(plain_rows, r);
        anchored |= fast[r].anchor != 0;
        max_shift = std::max(max_shift, fast[r].shift);
        uint32_t start = 0;
        uint32_t* slot = result->slots_.data() + (size_t{r} << kFastPrecision);
        for (uint32_t h = 0; h < 256; ++h) {
            const uint32_t freq = fast[r].freq[h];
            if (!freq) continue;
            result->items_[r << 8 | h] = freq | start << 16;
            for (uint32_t i = 0; i < freq; ++i) *slot++ = (freq - 1) | i << 12 | h << 24;
            start += freq;
        }
    }
    result->view_ = {result->slots_.data(), result->items_.data(), result->shifts_.data(), result->anchors_.data(),
                     plain_rows, max_shift, anchored};
    return result;
}

}  // namespace tinify
