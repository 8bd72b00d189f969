// SPDX-License-Identifier: Apache-2.0
#include "jpeg_scan.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "errors.hpp"

namespace tinify::jpeg {
namespace {

constexpr uint8_t kZigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};
constexpr int kLongestRun = 0x7FFF;
constexpr size_t kMostCorrections = 1000 - 64 + 1;  // libjpeg's buffer, less what one block may add
constexpr int kSkipSixteen = 0xF0;

int bits_of(unsigned value) {
    int bits = 0;
    for (; value; value >>= 1) ++bits;
    return bits;
}

class BitWriter {
public:
    BitWriter(bool pad, size_t limit) : pad_(pad), limit_(limit) {}

    void put(unsigned value, int count) {
        held_ = held_ << count | (value & ((1u << count) - 1));
        for (held_bits_ += count; held_bits_ >= 8; held_bits_ -= 8) byte(static_cast<uint8_t>(held_ >> (held_bits_ - 8)));
    }
    void symbol(const Huffman& table, int symbol) {
        if (!table.size[symbol]) throw FormatError("the Huffman table has no code for symbol " + std::to_string(symbol));
        put(table.code[symbol], table.size[symbol]);
    }
    void align() {
        if (held_bits_) put(pad_ ? 0xFF : 0, 8 - held_bits_);
    }
    void restart_marker(int number) {
        align();
        check(2);
        out_.push_back(0xFF);
        out_.push_back(static_cast<uint8_t>(0xD0 + number));
    }
    std::vector<uint8_t> take() {
        align();
        return std::move(out_);
    }

private:
    void check(size_t more) const {
        if (out_.size() + more > limit_)
            throw FormatError("a scan has more than the " + std::to_string(limit_) + " bytes that it should");
    }
    void byte(uint8_t value) {
        check(2);
        out_.push_back(value);
        if (value == 0xFF) out_.push_back(0);
    }

    bool pad_;
    size_t limit_;
    uint64_t held_ = 0;
    int held_bits_ = 0;
    std::vector<uint8_t> out_;
};

class ScanWriter {
public:
    explicit ScanWriter(const Scan& scan) : scan_(scan), bits_(scan.pad, scan.limit), last_dc_(scan.components.size()) {}

    std::vector<uint8_t> run() {
        if (scan_.components.size() == 1) alone(scan_.components[0]);
        else interleaved();
        end_run();
        return bits_.take();
    }

private:
    void alone(const Component& component) {
        for (long row = 0; row < component.real_rows; ++row)
            for (long column = 0; column < component.real_columns; ++column) {
                begin_mcu();
                block(0, component.blocks + 64 * (row * component.columns + column));
            }
    }
    void interleaved() {
        const Component& one = scan_.components[0];
        const long down = one.rows / one.down, across = one.columns / one.across;
        for (long row = 0; row < down; ++row)
            for (long column = 0; column < across; ++column) {
                begin_mcu();
                for (size_t c = 0; c < scan_.components.size(); ++c) mcu_of(c, row, column);
            }
    }
    void mcu_of(size_t c, long row, long column) {
        const Component& component = scan_.components[c];
        for (int y = 0; y < component.down; ++y)
            for (int x = 0; x < component.across; ++x)
                block(c, component.blocks + 64 * ((row * component.down + y) * component.columns +
                                                  column * component.across + x));
    }
    void begin_mcu() {
        if (scan_.restart && mcus_ == scan_.restart) {
            end_run();
            bits_.restart_marker(restarts_);
            restarts_ = (restarts_ + 1) & 7;
            std::fill(last_dc_.begin(), last_dc_.end(), 0);
            mcus_ = 0;
        }
        ++mcus_;
    }
    void block(size_t c, const int16_t* values) {
        const Component& component = scan_.components[c];
        if (!scan_.progressive) {
            dc(c, values[0]);
            ac_whole(component.ac, values);
        } else if (scan_.first == 0) {
            if (scan_.high) bits_.put(static_cast<unsigned>(values[0] >> scan_.low), 1);
            else dc(c, values[0] >> scan_.low);
        } else if (scan_.high) {
            ac_refined(component.ac, values);
        } else {
            ac_first(component.ac, values);
        }
    }

    // The size of a number as symbol, and its bits; negative ones less one, so that they begin with 0.
    void dc(size_t c, int value) {
        const int difference = value - last_dc_[c];
        last_dc_[c] = value;
        const int size = bits_of(static_cast<unsigned>(std::abs(difference)));
        bits_.symbol(scan_.components[c].dc, size);
        bits_.put(static_cast<unsigned>(difference - (difference < 0)), size);
    }
    void number(const Huffman& table, int run, int magnitude, bool negative) {
        const int size = bits_of(static_cast<unsigned>(magnitude));
        if (size > 15) throw FormatError("a coefficient has more than 15 bits");
        bits_.symbol(table, run << 4 | size);
        bits_.put(static_cast<unsigned>(negative ? ~magnitude : magnitude), size);
    }
    void skip(const Huffman& table, int& run) {
        for (; run > 15; run -= 16) bits_.symbol(table, kSkipSixteen);
    }
    void ac_whole(const Huffman& table, const int16_t* values) {
        int run = 0;
        for (int k = 1; k < 64; ++k) {
            const int value = values[kZigzag[k]];
            if (!value) {
                ++run;
                continue;
            }
            skip(table, run);
            number(table, run, std::abs(value), value < 0);
            run = 0;
        }
        if (run) bits_.symbol(table, 0);
    }
    void ac_first(const Huffman& table, const int16_t* values) {
        int run = 0;
        for (int k = scan_.first; k <= scan_.last; ++k) {
            const int value = values[kZigzag[k]], magnitude = std::abs(value) >> scan_.low;
            if (!magnitude) {
                ++run;
                continue;
            }
            end_run();
            skip(table, run);
            number(table, run, magnitude, value < 0);
            run = 0;
        }
        if (run && ++ended_ == kLongestRun) end_run();
    }
    // One more bit of every coefficient: new ones as symbols, old ones as bits that follow the next symbol.
    void ac_refined(const Huffman& table, const int16_t* values) {
        int last_new = 0;
        for (int k = scan_.first; k <= scan_.last; ++k)
            if (std::abs(values[kZigzag[k]]) >> scan_.low == 1) last_new = k;
        int run = 0;
        std::vector<uint8_t>& corrections = block_corrections_;
        corrections.clear();
        for (int k = scan_.first; k <= scan_.last; ++k) {
            const int value = values[kZigzag[k]], magnitude = std::abs(value) >> scan_.low;
            if (!magnitude) {
                ++run;
                continue;
            }
            for (; run > 15 && k <= last_new; run -= 16) {
                end_run();
                bits_.symbol(table, kSkipSixteen);
                put_all(corrections);
            }
            if (magnitude > 1) {
                corrections.push_back(magnitude & 1);
                continue;
            }
            end_run();
            bits_.symbol(table, run << 4 | 1);
            bits_.put(value >= 0, 1);
            put_all(corrections);
            run = 0;
        }
        if (!run && corrections.empty()) return;
        corrections_.insert(corrections_.end(), corrections.begin(), corrections.end());
        if (++ended_ == kLongestRun || corrections_.size() > kMostCorrections) end_run();
    }
    void end_run() {
        if (!ended_) return;
        const Huffman& table = scan_.components[0].ac;
        const int size = bits_of(static_cast<unsigned>(ended_)) - 1;
        bits_.symbol(table, size << 4);
        bits_.put(static_cast<unsigned>(ended_), size);
        ended_ = 0;
        put_all(corrections_);
    }
    void put_all(std::vector<uint8_t>& corrections) {
        for (const uint8_t bit : corrections) bits_.put(bit, 1);
        corrections.clear();
    }

    const Scan& scan_;
    BitWriter bits_;
    std::vector<int> last_dc_;
    long mcus_ = 0;
    int restarts_ = 0, ended_ = 0;
    std::vector<uint8_t> corrections_, block_corrections_;
};

void require(bool holds, const char* what) {
    if (!holds) throw FormatError(what);
}

void check(const Scan& scan) {
    require(!scan.components.empty() && scan.components.size() <= 4, "a scan does not have 1 to 4 components");
    require(scan.restart >= 0, "a restart interval is negative");
    require(0 <= scan.first && scan.first <= scan.last && scan.last < 64, "a scan's band is not within 0 to 63");
    require(0 <= scan.low && scan.low <= 13 && 0 <= scan.high && scan.high <= 13, "a scan's bits are not 0 to 13");
    if (scan.progressive)
        require(scan.first ? scan.components.size() == 1 : scan.last == 0, "a progressive scan mixes DC and AC");
    else
        require(scan.first == 0 && scan.last == 63 && !scan.low && !scan.high, "a sequential scan is not of all bits");
    const Component& one = scan.components[0];
    for (const Component& component : scan.components) {
        require(component.down > 0 && component.across > 0 && component.down <= 4 && component.across <= 4,
                "sampling factors are not 1 to 4");
        require(component.rows % component.down == 0 && component.columns % component.across == 0 &&
                    component.rows / component.down == one.rows / one.down &&
                    component.columns / component.across == one.columns / one.across,
                "components are not of whole MCUs, or of differing numbers of them");
        require(0 <= component.real_rows && component.real_rows <= component.rows && 0 <= component.real_columns &&
                    component.real_columns <= component.columns,
                "a component has fewer blocks than it should");
    }
}

}  // namespace

Huffman::Huffman(const uint8_t* table, size_t bytes) {
    require(bytes >= 16 && bytes <= 16 + 256, "a Huffman table does not have 16 lengths and up to 256 symbols");
    size_t next = 16;
    uint32_t word = 0;
    for (int length = 1; length <= 16; ++length, word <<= 1)
        for (int i = 0; i < table[length - 1]; ++i, ++word) {
            require(next < bytes && word < (1u << length), "a Huffman table has more codes than it can have");
            const uint8_t symbol = table[next++];
            require(!size[symbol], "a Huffman table has a symbol twice");
            code[symbol] = static_cast<uint16_t>(word);
            size[symbol] = static_cast<uint8_t>(length);
        }
    require(next == bytes, "a Huffman table has more symbols than codes");
}

std::vector<uint8_t> write_scan(const Scan& scan) {
    check(scan);
    return ScanWriter(scan).run();
}

}  // namespace tinify::jpeg
