// SPDX-License-Identifier: Apache-2.0
// Compiled without contraction: a fused multiply-add would round once where others round twice.
#include "ordered_conv.hpp"

#include <algorithm>
#include <cstring>

#include "fast_memory.hpp"
#include "fast_threads.hpp"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define TINIFY_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TINIFY_CLONES
#endif
#define TINIFY_INLINE inline __attribute__((always_inline))

namespace tinify {

namespace {

constexpr long kTiles = 96, kPoints = 36, kLanes = 16;
constexpr float kA = 0.5f, kB = 1.25f, kA2 = 0.25f, kB2 = 1.5625f, kSum = 1.8125f, kProduct = 0.390625f;

typedef float Lanes __attribute__((vector_size(4 * kLanes)));

TINIFY_INLINE void points_of(const Lanes (&d)[6], Lanes (&v)[6]) {
    const Lanes even = d[4] - kB2 * d[2], odd = kA * (d[3] - kB2 * d[1]);
    const Lanes even2 = d[4] - kA2 * d[2], odd2 = kB * (d[3] - kA2 * d[1]);
    v[0] = (d[4] - kSum * d[2]) + kProduct * d[0];
    v[1] = even + odd;
    v[2] = even - odd;
    v[3] = even2 + odd2;
    v[4] = even2 - odd2;
    v[5] = (d[5] - kSum * d[3]) + kProduct * d[1];
}

TINIFY_INLINE void pixels_of(const Lanes (&m)[6], Lanes (&y)[2]) {
    y[0] = m[0] + ((m[1] + m[2]) + (m[3] + m[4]));
    y[1] = (kA * (m[1] - m[2]) + kB * (m[3] - m[4])) + m[5];
}

// What each tap contributes at each point.
struct Filter {
    double factor[6][5];
    Filter() : factor{} {
        const double a2 = kA2, b2 = kB2, points[5] = {0, kA, -kA, kB, -kB};
        const double scale[5] = {a2 * b2, 2 * a2 * (a2 - b2), 2 * a2 * (a2 - b2), 2 * b2 * (b2 - a2), 2 * b2 * (b2 - a2)};
        for (int p = 0; p < 5; ++p) {
            double power = 1;
            for (int tap = 0; tap < 5; ++tap, power *= points[p]) factor[p][tap] = power / scale[p];
        }
        factor[5][4] = 1;
    }
};

// From 36 pixels of `channels` floats to 36 points of which each has its own rows, `step` floats apart.
TINIFY_CLONES void tile_in(const float* const* pixels, long channels, float* points, long step) {
    for (long c = 0; c < channels; c += kLanes) {
        const size_t size = sizeof(float) * static_cast<size_t>(std::min(kLanes, channels - c));
        Lanes rows[6][6], down[6][6];
        for (int i = 0; i < 6; ++i) {
            Lanes d[6] = {};
            for (int j = 0; j < 6; ++j) {
                if (size == sizeof(Lanes)) std::memcpy(&d[j], pixels[i * 6 + j] + c, sizeof(Lanes));
                else std::memcpy(&d[j], pixels[i * 6 + j] + c, size);
            }
            points_of(d, rows[i]);
        }
        for (int j = 0; j < 6; ++j) {
            const Lanes d[6] = {rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]};
            points_of(d, down[j]);
        }
        for (int i = 0; i < 6; ++i)
            for (int j = 0; j < 6; ++j) {
                if (size == sizeof(Lanes)) std::memcpy(points + (i * 6 + j) * step + c, &down[j][i], sizeof(Lanes));
                else std::memcpy(points + (i * 6 + j) * step + c, &down[j][i], size);
            }
    }
}

// From 36 points, `step` floats apart, to 2x2 pixels; columns a multiple of 16.
TINIFY_CLONES void tile_out(const float* points, long step, const float* bias, long columns, float* const* pixels) {
    for (long c = 0; c < columns; c += kLanes) {
        Lanes rows[6][2], start;
        std::memcpy(&start, bias + c, sizeof start);
        for (int i = 0; i < 6; ++i) {
            Lanes m[6];
            for (int j = 0; j < 6; ++j) std::memcpy(&m[j], points + (i * 6 + j) * step + c, sizeof(Lanes));
            pixels_of(m, rows[i]);
        }
        for (int j = 0; j < 2; ++j) {
            const Lanes m[6] = {rows[0][j], rows[1][j], rows[2][j], rows[3][j], rows[4][j], rows[5][j]};
            Lanes y[2];
            pixels_of(m, y);
            for (int i = 0; i < 2; ++i) {
                y[i] += start;
                std::memcpy(pixels[i * 2 + j] + c, &y[i], sizeof(Lanes));
            }
        }
    }
}

}  // namespace

struct OrderedConv::Block {
    const float* x;
    float* y;
    OrderedShape shape;
    long first, tiles;
    float *v, *m, *nothing;  // points of x, points of y, what lies outside y

    struct Place {
        long image, row, column;  // of the first pixel of a tile
    };
    Place place(long tile) const {
        const long across = (shape.width + 1) / 2, down = (shape.height + 1) / 2, number = first + tile;
        return {number / (across * down), number / across % down * 2, number % across * 2};
    }
};

OrderedConv::OrderedConv(const float* weight, const float* bias, long in, long out)
    : in_(in), columns_((out + kOrderedPanel - 1) / kOrderedPanel * kOrderedPanel), bias_(columns_), zeros_(std::max(in, columns_)),
      panels_(kPoints * columns_ * in) {
    std::copy(bias, bias + out, bias_.begin());
    const Filter filter;
    for (long o = 0; o < out; ++o)
        for (long k = 0; k < in; ++k) {
            const float* kernel = weight + (o * in + k) * 25;
            double rows[5][6];  // of the kernel, at points across
            for (int r = 0; r < 5; ++r)
                for (int p = 0; p < 6; ++p) {
                    rows[r][p] = 0;
                    for (int tap = 0; tap < 5; ++tap) rows[r][p] += filter.factor[p][tap] * kernel[r * 5 + tap];
                }
            float* to = panels_.data() + (o / kOrderedPanel * in + k) * kOrderedPanel + o % kOrderedPanel;
            for (int p = 0; p < kPoints; ++p) {
                double sum = 0;
                for (int tap = 0; tap < 5; ++tap) sum += filter.factor[p / 6][tap] * rows[tap][p % 6];
                to[p * columns_ * in] = static_cast<float>(sum);
            }
        }
}

void OrderedConv::gather(const Block& block) const {
    for (long tile = 0; tile < block.tiles; ++tile) {
        const auto [image, top, left] = block.place(tile);
        const float* pixels[kPoints];
        for (int p = 0; p < kPoints; ++p) {
            const long row = top - 2 + p / 6, column = left - 2 + p % 6;
            const bool inside = row >= 0 && row < block.shape.height && column >= 0 && column < block.shape.width;
            const long number = (image * block.shape.height + row) * block.shape.width + column;
            pixels[p] = inside ? block.x + number * in_ : zeros_.data();
        }
        tile_in(pixels, in_, block.v + tile * in_, block.tiles * in_);
    }
}

void OrderedConv::multiply(const Block& block) const {
    for (int p = 0; p < kPoints; ++p) {
        OrderedProduct product{};
        product.x = block.v + p * block.tiles * in_;
        product.rows = block.tiles;
        product.taps = 1;
        product.depth = product.stride = in_;
        product.w = panels_.data() + p * columns_ * in_;
        product.panel = in_ * kOrderedPanel;
        product.from = zeros_.data();
        product.y = block.m + p * block.tiles * columns_;
        product.columns = columns_;
        for (long number = 0; number < product.blocks(); ++number) product.run(number);
    }
}

void OrderedConv::scatter(const Block& block) const {
    for (long tile = 0; tile < block.tiles; ++tile) {
        const auto [image, top, left] = block.place(tile);
        float* pixels[4];
        for (int q = 0; q < 4; ++q) {
            const long row = top + q / 2, column = left + q % 2;
            const bool inside = row < block.shape.height && column < block.shape.width;
            const long number = (image * block.shape.height + row) * block.shape.width + column;
            pixels[q] = inside ? block.y + number * columns_ : block.nothing;
        }
        tile_out(block.m + tile * columns_, block.tiles * columns_, bias_.data(), columns_, pixels);
    }
}

void OrderedConv::run(const float* x, OrderedShape shape, float* y, int threads) const {
    const long total = shape.batch * ((shape.height + 1) / 2) * ((shape.width + 1) / 2);
    if (!total) return;
    const long tiles = std::min(kTiles, total), v = kPoints * tiles * in_, m = kPoints * tiles * columns_;
    const long each = (v + m + columns_ + kLanes - 1) / kLanes * kLanes;
    const fast::Buffer scratch(static_cast<size_t>(each * threads));
    fast::parallel((total + kTiles - 1) / kTiles, threads, [&](long number, int worker) {
        float* mine = scratch.data() + each * worker;
        const Block block{x, y, shape, number * kTiles, std::min(kTiles, total - number * kTiles), mine, mine + v, mine + v + m};
        gather(block);
        multiply(block);
        scatter(block);
    });
}

}  // namespace tinify
