// SPDX-License-Identifier: Apache-2.0
// Round trips and hostile bytes for every coder and instruction set, to be run under ASan and UBSan:
//     fuzz_coders [rounds] [seed]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "coder_range.hpp"
#include "coder_rans32.hpp"
#include "coder_rans64.hpp"
#include "fuzz_jpeg.hpp"
#include "fuzz_tokens.hpp"
#include "pmf.hpp"

namespace {

using namespace tinify;

std::mt19937_64 random_bits;

int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random_bits); }
bool chance(double p) { return std::uniform_real_distribution<>()(random_bits) < p; }

struct Case {
    TablesPtr tables;
    std::vector<int32_t> symbols;
    std::vector<uint16_t> rows;
    IntView symbol_view(size_t from, size_t count) const {
        return IntView{symbols.data(), symbols.size(), IntType::i32}.part(from, count);
    }
    IntView row_view(size_t from, size_t count) const {
        return IntView{rows.data(), rows.size(), IntType::u16}.part(from, count);
    }
};

TablesPtr random_tables() {
    const size_t rows = static_cast<size_t>(pick(1, 6)), width = static_cast<size_t>(pick(2, chance(0.1) ? 3000 : 90));
    const bool smooth = chance(0.6);
    std::vector<int32_t> cdfs(rows * width), lengths(rows), offsets(rows);
    for (size_t r = 0; r < rows; ++r) {
        const size_t bins = static_cast<size_t>(pick(1, static_cast<int64_t>(width) - 1));
        const double scale = std::exp(std::uniform_real_distribution<>(-2, 6)(random_bits));
        std::vector<float> pmf(bins);
        for (size_t i = 0; i < bins; ++i) {
            const double z = (static_cast<double>(i) - static_cast<double>(bins) / 2) / scale;
            pmf[i] = static_cast<float>(smooth ? std::exp(-z * z / 2) / scale : std::pow(pick(0, 1000) / 1e3, 4));
        }
        pmf[0] += 0.01f;
        pmf_to_quantized_cdf(pmf.data(), bins, 16, cdfs.data() + r * width);
        lengths[r] = static_cast<int32_t>(bins) + 1;
        offsets[r] = static_cast<int32_t>(chance(0.05) ? pick(INT32_MIN, INT32_MAX - 5000)
                                                       : -static_cast<int64_t>(bins) / 2 + pick(-3, 3));
    }
    return std::make_shared<Tables>(cdfs.data(), rows, width, lengths.data(), offsets.data());
}

Case random_case() {
    Case made{random_tables(), {}, {}};
    const size_t count = static_cast<size_t>(pick(0, chance(0.02) ? 600'000 : chance(0.3) ? 20'000 : 300));
    const double far = chance(0.5) ? 0 : 0.02;
    for (size_t i = 0; i < count; ++i) {
        const size_t r = static_cast<size_t>(pick(0, made.tables->rows() - 1));
        const Row& row = made.tables->row(r);
        const int64_t bin = made.tables->find(r, static_cast<uint32_t>(pick(0, 65535)));
        const int64_t limit = int64_t{1} << 30;  // closer to the offset than 2^31 in every case
        const int64_t value = far > 0 && chance(far) ? row.offset + pick(-limit, limit) : row.offset + bin;
        made.rows.push_back(static_cast<uint16_t>(r));
        made.symbols.push_back(static_cast<int32_t>(std::clamp<int64_t>(value, INT32_MIN, INT32_MAX)));
    }
    return made;
}

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "FAILED: %s\n", what);
    std::abort();
}

template <class Decoder>
bool decodes(const Bytes& bytes, const Case& with, std::vector<int32_t>& out) {
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());  // its end is where reads must stop
    const size_t count = with.rows.size();
    out.assign(count, 0);
    try {
        Decoder decoder(exact.data(), exact.size());
        for (size_t at = 0; at < count;) {
            const size_t step = std::min(count - at, static_cast<size_t>(chance(0.5) ? pick(1, 40) : pick(1, 100'000)));
            decoder.pull(with.row_view(at, step), with.tables, out.data() + at);
            at += step;
        }
        decoder.finish();
        return true;
    } catch (const FormatError&) {
    } catch (const DesyncError&) {
    }
    return false;
}

void mutate(Bytes& bytes) {
    const auto place = [&] { return static_cast<size_t>(pick(0, static_cast<int64_t>(bytes.size()) - 1)); };
    if (bytes.empty() || chance(0.2)) bytes.push_back(static_cast<uint8_t>(pick(0, 255)));
    const int64_t kind = pick(0, 4);
    if (kind == 0) bytes[place()] ^= static_cast<uint8_t>(1 << pick(0, 7));
    if (kind == 1) bytes.resize(place());
    if (kind == 2) bytes[std::min<size_t>(place(), static_cast<size_t>(pick(0, 12)))] = static_cast<uint8_t>(pick(0, 255));
    if (kind == 3) std::swap(bytes[place()], bytes[place()]);
    if (kind == 4) bytes.insert(bytes.begin() + static_cast<long>(place()), static_cast<uint8_t>(pick(0, 255)));
}

template <class Encoder, class Decoder>
void attack(const Case& given, const Case& other, bool checked) {
    const size_t count = given.rows.size(), half = count ? static_cast<size_t>(pick(0, static_cast<int64_t>(count))) : 0;
    Bytes bytes = Encoder::encode(given.symbol_view(0, count), given.row_view(0, count), given.tables);
    Encoder encoder;
    encoder.push(given.symbol_view(0, half), given.row_view(0, half), given.tables);
    encoder.push(given.symbol_view(half, count - half), given.row_view(half, count - half), given.tables);
    if (encoder.finish() != bytes) fail("two segments differ from one");
    std::vector<int32_t> out;
    if (!decodes<Decoder>(bytes, given, out) || out != given.symbols) fail("round trip");
    decodes<Decoder>(bytes, other, out);
    const int mutations = count > 5000 ? 2 : 12;
    for (int i = 0; i < mutations; ++i) {
        Bytes hostile = bytes;
        mutate(hostile);
        // 15 bits of check in a stream of one lane let one damage in 32768 pass.
        if (decodes<Decoder>(hostile, given, out) && checked && count > 512 && out != given.symbols)
            fail("damage went unseen");
    }
}

void fuzz(int64_t rounds) {
    for (int64_t i = 0; i < rounds; ++i) {
        const Case given = random_case(), other = random_case();
        Bytes first;
        for (const char* simd : {"scalar", "avx2", "avx512"}) {
            if (!use_kernels(simd)) continue;
            attack<Rans32Encoder, Rans32Decoder>(given, other, true);
            const size_t count = given.rows.size();
            Bytes bytes = Rans32Encoder::encode(given.symbol_view(0, count), given.row_view(0, count), given.tables);
            if (!first.empty() && bytes != first) fail("instruction sets differ");
            first = std::move(bytes);
        }
        attack<Rans64Encoder, Rans64StreamDecoder>(given, other, false);
        attack<RangeEncoder, RangeDecoder>(given, other, true);
    }
}

}  // namespace

int main(int argc, char** argv) {
    const int64_t rounds = argc > 1 ? std::atoll(argv[1]) : 300;
    random_bits.seed(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
    fuzz(rounds);
    fuzz_tokens(random_bits, rounds);
    fuzz_jpeg(random_bits, rounds);
    std::printf("%lld rounds, no failure\n", static_cast<long long>(rounds));
}
