// SPDX-License-Identifier: Apache-2.0
#include "token_choice.hpp"

namespace tinify::tokens {

Codebook::Codebook(const float* codes, int count, int dim)
    : count_(count), dim_(dim), room_((count + kPanel - 1) / kPanel * kPanel) {
    const size_t n = static_cast<size_t>(count), d = static_cast<size_t>(dim), room = static_cast<size_t>(room_);
    codes_.assign(codes, codes + n * d);
    columns_.assign(d * room, 0.0f);
    halves_.assign(room, 1e30f);  // those beyond the last code are never nearest
    for (size_t k = 0; k < n; ++k) {
        halves_[k] = 0;
        for (size_t i = 0; i < d; ++i) {
            columns_[i * room + k] = codes[k * d + i];
            halves_[k] += 0.5f * codes[k * d + i] * codes[k * d + i];
        }
    }
}

Search Codebook::view() const { return {columns_.data(), halves_.data(), dim_, count_, room_}; }

Bytes choose(const Gru& gru, const float* y, int dim, const Shape& shape, const std::vector<Codebook>& books,
             float lmbda, int32_t* out, int threads) {
    std::vector<RangeWriter> writers(shape.sequences);
    const size_t width = static_cast<size_t>(dim);
    by_groups(shape.sequences, threads, [&](size_t first, size_t lanes) {
        std::vector<float> rests(lanes * width);
        walk(gru, lanes, shape, [&](size_t lane, size_t position, Distribution& distribution) {
            const size_t step = position / shape.levels, level = position % shape.levels;
            float* rest = rests.data() + lane * width;
            const float* from = y + ((first + lane) * shape.steps + step) * width;
            if (level == 0) std::copy(from, from + width, rest);
            const int token = distribution.nearest(books[level].view(), rest, 0.5f * lmbda);
            const float* code = books[level].code(token);
            for (size_t i = 0; i < width; ++i) rest[i] -= code[i];
            const Interval interval = distribution.of(token);
            writers[first + lane].code(interval.start, interval.freq);
            return out[(first + lane) * shape.each() + position] = token;
        });
    });
    return assemble(out, shape, writers);
}

}  // namespace tinify::tokens
