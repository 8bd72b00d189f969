// SPDX-License-Identifier: Apache-2.0
#include "fuzz_tokens.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "rans32_kernels.hpp"
#include "token_choice.hpp"

namespace {

using namespace tinify;
using namespace tinify::tokens;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "FAILED: tokens: %s\n", what);
    std::abort();
}

class Fuzz {
public:
    explicit Fuzz(std::mt19937_64& bits) : bits_(bits) {}

    void round() {
        levels_ = static_cast<int>(pick(1, 3));
        codes_ = static_cast<int>(pick(1, pick(0, 9) ? 40 : 300));
        hidden_ = static_cast<int>(16 * pick(1, 3));
        const Gru gru = network(), other = network();
        const Shape shape{static_cast<size_t>(pick(0, 40)), static_cast<size_t>(pick(0, 12)),
                          static_cast<size_t>(pick(1, levels_))};
        std::vector<int32_t> tokens(shape.tokens());
        for (int32_t& token : tokens) token = static_cast<int32_t>(pick(0, codes_ - 1));
        Bytes string;
        for (const char* simd : {"scalar", "avx2", "avx512"}) {
            if (!use_kernels(simd)) continue;
            Bytes again = encode(gru, tokens.data(), shape, static_cast<int>(pick(1, 3)));
            if (!string.empty() && again != string) fail("instruction sets differ");
            string = std::move(again);
            if (decoded(gru, string, shape) != tokens) fail("round trip");
        }
        decoded(other, string, shape);
        chosen(gru, shape);
        for (int i = 0; i < 20; ++i) {
            Bytes hostile = string;
            mutate(hostile);
            const std::vector<int32_t> found = decoded(gru, hostile, shape);
            if (!found.empty() && found != tokens) fail("damage went unseen");
            Shape wrong = shape;
            (pick(0, 1) ? wrong.sequences : wrong.steps) = static_cast<size_t>(pick(0, pick(0, 1) ? 50 : 1 << 20));
            decoded(gru, string, wrong);
        }
    }

private:
    int64_t pick(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(bits_); }

    template <class T>
    std::vector<T> numbers(int64_t count, int64_t low, int64_t high) {
        std::vector<T> out(static_cast<size_t>(count));
        for (T& value : out) value = static_cast<T>(pick(low, high));
        return out;
    }

    struct Kept {
        std::vector<int8_t> weight;
        std::vector<int16_t> multiplier;
        std::vector<int32_t> bias;
    };

    Layer layer(std::vector<Kept>& kept, int rows, int columns, int32_t limit) {
        const int32_t bias = pick(0, 9) ? 2000 : 1 << 24;
        kept.push_back({numbers<int8_t>(rows * columns, -127, 127), numbers<int16_t>(rows, 1, 2047),
                        numbers<int32_t>(rows, -bias, bias)});
        const Kept& last = kept.back();
        return {last.weight.data(), last.multiplier.data(), last.bias.data(), rows, columns,
                static_cast<int>(pick(1, 24)), limit};
    }

    Gru network() {
        std::vector<Kept> kept;
        kept.reserve(16);
        const auto inputs = numbers<int16_t>((levels_ * codes_ + 1 + levels_) * 3 * hidden_, -32767, 32767);
        const auto depth = numbers<int16_t>((levels_ - 1) * codes_ * hidden_, -32767, 32767);
        const auto sigmoid = numbers<int16_t>(kTable, 0, 1 << kSigmoidBits), tanh = numbers<int16_t>(kTable, -32767, 32767);
        Gru::Parts parts{levels_, codes_, hidden_, inputs.data(), depth.data(), sigmoid.data(), tanh.data(),
                         layer(kept, 3 * hidden_, hidden_, kStateMax), {}, {}};
        for (int i = 1; i < levels_; ++i) parts.mixes.push_back(layer(kept, hidden_, hidden_, kStateMax));
        for (int i = 0; i < levels_; ++i) parts.heads.push_back(layer(kept, codes_, hidden_, 1 << 20));
        return Gru(parts);
    }

    // What a string decodes to, whole or in part; nothing where it does not.
    std::vector<int32_t> decoded(const Gru& gru, const Bytes& string, const Shape& shape) {
        const std::vector<uint8_t> exact(string.begin(), string.end());  // its end is where reads must stop
        try {
            const size_t first = static_cast<size_t>(pick(0, static_cast<int64_t>(shape.sequences)));
            const size_t count = static_cast<size_t>(pick(0, static_cast<int64_t>(shape.sequences - first)));
            const auto part = decode(gru, exact.data(), exact.size(), shape, first, count, 1);
            auto all = decode(gru, exact.data(), exact.size(), shape, 0, shape.sequences, static_cast<int>(pick(1, 3)));
            if (!std::equal(part.begin(), part.end(), all.begin() + static_cast<long>(first * shape.each())))
                fail("a part differs from the whole");
            return all;
        } catch (const FormatError&) {
        } catch (const DesyncError&) {
        }
        return {};
    }

    void chosen(const Gru& gru, const Shape& shape) {
        const int dim = static_cast<int>(pick(1, 9));
        std::vector<Codebook> books;
        for (size_t level = 0; level < shape.levels; ++level)
            books.emplace_back(numbers<float>(codes_ * dim, -9, 9).data(), codes_, dim);
        const auto y = numbers<float>(static_cast<int64_t>(shape.sequences * shape.steps) * dim, -9, 9);
        std::vector<int32_t> tokens(shape.tokens());
        const Bytes string = choose(gru, y.data(), dim, shape, books, 0.5f, tokens.data(), 2);
        if (string != encode(gru, tokens.data(), shape, 1)) fail("what was chosen is not what was written");
    }

    void mutate(Bytes& bytes) {
        if (bytes.empty() || !pick(0, 4)) bytes.push_back(static_cast<uint8_t>(pick(0, 255)));
        const auto place = [&] { return static_cast<size_t>(pick(0, static_cast<int64_t>(bytes.size()) - 1)); };
        const int64_t kind = pick(0, 3);
        if (kind == 0) bytes[place()] ^= static_cast<uint8_t>(1 << pick(0, 7));
        if (kind == 1) bytes.resize(place());
        if (kind == 2) bytes[std::min<size_t>(place(), 8)] = static_cast<uint8_t>(pick(0, 255));
        if (kind == 3) bytes.insert(bytes.begin() + static_cast<long>(place()), static_cast<uint8_t>(pick(0, 255)));
    }

    std::mt19937_64& bits_;
    int levels_ = 1, codes_ = 1, hidden_ = 16;
};

}  // namespace

void fuzz_tokens(std::mt19937_64& random_bits, int64_t rounds) {
    Fuzz fuzz(random_bits);
    for (int64_t i = 0; i < rounds; ++i) fuzz.round();
}
