// SPDX-License-Identifier: Apache-2.0
#include "tables.hpp"

#include <string>

#include "errors.hpp"
#include "rans32_tables.hpp"

namespace tinify {

namespace {

// Source: Alverson 1991, "Integer division using reciprocals", as in ryg_rans (Giesen, CC0): q = mulhi(x, m) >> shift.
Bin make_bin(uint32_t start, uint32_t freq) {
    Bin bin{};
    bin.start = start;
    bin.freq = static_cast<uint16_t>(freq);
    if (freq == 1) return bin;  // x / 1 has no such reciprocal; the encoder treats it apart
    uint32_t shift = 0;
    while (freq > (1u << shift)) ++shift;
    const unsigned __int128 numerator = (static_cast<unsigned __int128>(1) << (shift + 63)) + (freq - 1);
    bin.reciprocal = static_cast<uint64_t>(numerator / freq);
    bin.shift = static_cast<uint16_t>(shift - 1);
    return bin;
}

[[noreturn]] void bad_row(size_t row, const std::string& what) {
    throw InputError("table row " + std::to_string(row) + ": " + what);
}

}  // namespace

Tables::Tables(const int32_t* cdfs, size_t rows, size_t width, const int32_t* lengths, const int32_t* offsets) {
    if (rows > kMaxRows) throw InputError("tables have " + std::to_string(rows) + " rows; at most 65536 are allowed");
    rows_.reserve(rows);
    for (size_t r = 0; r < rows; ++r) add_row(cdfs + r * width, r, width, lengths[r], offsets[r]);
}

Tables::~Tables() = default;

void Tables::add_row(const int32_t* cdf, size_t number, size_t width, int32_t length, int32_t offset) {
    if (length < 2 || static_cast<size_t>(length) > width)
        bad_row(number, "its length is " + std::to_string(length) + "; allowed: 2 to " + std::to_string(width));
    if (static_cast<int64_t>(offset) + length - 2 > INT32_MAX)
        bad_row(number, "its values, from offset " + std::to_string(offset) + ", leave 32 bits");
    if (cdf[0] != 0) bad_row(number, "begins with " + std::to_string(cdf[0]) + ", not 0");
    if (cdf[length - 1] != static_cast<int32_t>(kTotal))
        bad_row(number, "ends with " + std::to_string(cdf[length - 1]) + ", not 65536");
    for (int32_t i = 0; i + 1 < length; ++i)
        if (cdf[i + 1] <= cdf[i]) bad_row(number, "does not rise after entry " + std::to_string(i));

    rows_.push_back({starts_.size(), length - 2, offset});
    for (int32_t i = 0; i < length; ++i) {
        starts_.push_back(static_cast<uint32_t>(cdf[i]));
        bins_.push_back(i + 1 < length ? make_bin(cdf[i], cdf[i + 1] - cdf[i]) : Bin{});
    }
    uint16_t bin = 0;
    for (uint32_t slot = 0; slot < kTotal; slot += kTotal >> kHintBits) {
        while (static_cast<uint32_t>(cdf[bin + 1]) <= slot) ++bin;
        hints_.push_back(bin);
    }
}

bool Tables::same_as(const int32_t* cdfs, size_t rows, size_t width, const int32_t* lengths,
                     const int32_t* offsets) const {
    if (rows != rows_.size()) return false;
    for (size_t r = 0; r < rows; ++r) {
        const Row& row = rows_[r];
        if (lengths[r] != row.escape + 2 || static_cast<size_t>(lengths[r]) > width || offsets[r] != row.offset)
            return false;
        for (int32_t i = 0; i < lengths[r]; ++i)
            if (static_cast<uint32_t>(cdfs[r * width + i]) != starts_[row.first + i]) return false;
    }
    return true;
}

const FastTables* Tables::fast() const {
    std::call_once(fast_once_, [this] { fast_ = FastTables::build(*this); });
    return fast_.get();
}

}  // namespace tinify
