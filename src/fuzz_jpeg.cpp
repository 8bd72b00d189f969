// SPDX-License-Identifier: Apache-2.0
#include "fuzz_jpeg.hpp"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "block_contexts.hpp"
#include "errors.hpp"
#include "jpeg_scan.hpp"

namespace {

using namespace tinify;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "FAILED: jpeg: %s\n", what);
    std::abort();
}

class Fuzz {
public:
    explicit Fuzz(std::mt19937_64& bits) : bits_(bits) {}

    void round() {
        scan();
        contexts();
    }

private:
    int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(bits_); }

    // Every symbol with a code of up to eleven bits, or bytes that may be no table.
    jpeg::Huffman table() {
        std::vector<uint8_t> bytes(16 + 256);
        if (pick(0, 5)) {
            bytes[8] = 255;
            bytes[9] = 1;
            for (int i = 0; i < 256; ++i) bytes[static_cast<size_t>(16 + i)] = static_cast<uint8_t>(i);
        } else {
            bytes.resize(static_cast<size_t>(pick(0, 300)));
            for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(pick(0, pick(0, 3) ? 2 : 255));
        }
        return {bytes.data(), bytes.size()};
    }

    void scan() {
        const int count = static_cast<int>(pick(0, 4));
        const long down = pick(0, 3), across = pick(0, 3);
        std::vector<std::vector<int16_t>> blocks(static_cast<size_t>(count));
        jpeg::Scan scan{};
        scan.progressive = pick(0, 1);
        const bool refined = pick(0, 1);
        scan.first = static_cast<int>(scan.progressive && count == 1 ? pick(0, 63) : 0);
        scan.last = static_cast<int>(!scan.progressive ? 63 : scan.first ? pick(scan.first, 63) : 0);
        scan.low = static_cast<int>(scan.progressive ? pick(0, 3) : 0);
        scan.high = scan.progressive && refined ? scan.low + 1 : 0;
        if (!pick(0, 9)) scan.last = static_cast<int>(pick(-1, 70));
        scan.restart = pick(0, 4);
        scan.pad = pick(0, 1);
        scan.limit = static_cast<size_t>(pick(0, 9) ? 1 << 20 : pick(0, 500));
        try {
            for (auto& some : blocks) {
                const int v = static_cast<int>(pick(1, 4)), h = static_cast<int>(pick(1, 4));
                const long rows = down * v, columns = across * h;
                some.resize(static_cast<size_t>(64 * rows * columns));
                const int64_t most = pick(0, 3) ? 20 : 32767, sparse = pick(0, 9);
                for (int16_t& value : some) value = static_cast<int16_t>(pick(0, sparse) ? 0 : pick(-most - 1, most));
                scan.components.push_back({some.data(), rows, columns, pick(0, rows), pick(0, columns), v, h, table(), table()});
            }
            const std::vector<uint8_t> out = jpeg::write_scan(scan);
            if (out.size() > scan.limit) fail("more bytes than the limit");
            if (jpeg::write_scan(scan) != out) fail("a scan is another one the second time");
        } catch (const FormatError&) {
        }
    }

    void contexts() {
        const long rows = pick(0, 4), columns = pick(0, 40);
        const int64_t down = columns + pick(0, 3), border = pick(0, 50);
        const size_t size = static_cast<size_t>(2 * border + rows * down + 1);
        std::vector<int16_t> values(size);
        for (int16_t& value : values) value = static_cast<int16_t>(pick(-32767, 32767));
        std::vector<int64_t> offsets(static_cast<size_t>(pick(0, 9)));
        for (int64_t& offset : offsets) offset = pick(-border, border);
        const int32_t most = static_cast<int32_t>(blocks::kMostOfValues - 1) / 10;
        std::vector<int32_t> sizes(offsets.size()), sums(offsets.size());
        for (size_t i = 0; i < offsets.size(); ++i) {
            sizes[i] = static_cast<int32_t>(pick(0, blocks::kMostOfSizes / 10));
            sums[i] = static_cast<int32_t>(pick(-most, most));
        }
        std::vector<uint8_t> bins(1 << 16), size_bins(static_cast<size_t>(rows * columns));
        for (size_t i = 0; i < bins.size(); ++i) bins[i] = static_cast<uint8_t>(i >> 11);
        std::vector<int8_t> value_bins(size_bins.size());
        const blocks::Places places{border, down, rows, columns};
        blocks::contexts(values.data(), places, {offsets.data(), sizes.data(), offsets.size()},
                         {offsets.data(), sums.data(), offsets.size()}, static_cast<uint32_t>(pick(0, 255)),
                         static_cast<uint32_t>(pick(1, 65535)), bins.data(), size_bins.data(), value_bins.data());
        std::vector<int32_t> coefficients(size_bins.size());
        for (int32_t& value : coefficients) value = static_cast<int32_t>(pick(INT32_MIN, INT32_MAX));
        blocks::put(values.data(), places, static_cast<uint32_t>(pick(0, 65535)), coefficients.data());
    }

    std::mt19937_64& bits_;
};

}  // namespace

void fuzz_jpeg(std::mt19937_64& random_bits, int64_t rounds) {
    Fuzz fuzz(random_bits);
    for (int64_t i = 0; i < rounds; ++i) fuzz.round();
}
