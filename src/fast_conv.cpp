// SPDX-License-Identifier: Apache-2.0
#include "fast_conv.hpp"

#include <algorithm>
#include <cmath>

namespace tinify::fast {

namespace {

constexpr int kTiles = 48;  // 4x4 tiles in a block: what they are transformed to stays in the last cache level
constexpr int kSkew = 16;   // floats between rows, so that they do not all fall on the same cache lines

long row_size(int columns) { return columns + kSkew; }

// What each tap of a phase of a 5-tap filter contributes at the points 0, a, -a, b, -b, infinity.
struct Filter {
    double factor[6][5];

    Filter(bool transposed, int phase) : factor{} {
        for (int tap = phase; tap < 5; tap += 2) {
            const int t = transposed ? (4 + phase - tap) / 2 : (tap - phase) / 2;  // its place in a 3-tap filter
            factor[0][tap] = t == 0;
            factor[5][tap] = t == 2;
            for (int p = 1; p < 5; ++p) {
                const double mine = p < 3 ? kA2 : kB2, other = p < 3 ? kB2 : kA2;
                const double point = (p % 2 ? 1 : -1) * std::sqrt(mine);
                factor[p][tap] = std::pow(point, t) / (2 * mine * (mine - other));
            }
        }
    }
};

}  // namespace

struct WinogradConv::Block {
    const float* x;
    float* y;
    Shape in, out;
    long tile_rows, tile_cols, first;
    int tiles;
    float *v, *m, *squares;  // transformed pixels, their products, scratch of the GDN
    float* nothing;          // takes what lies outside the output
    const float* zeros;      // what lies outside the input

    // Image, top and left of a tile, in tiles.
    struct Place {
        long image, row, col;
    };
    Place place(long tile) const {
        const long index = first + tile;
        return {index / (tile_rows * tile_cols), index / tile_cols % tile_rows, index % tile_cols};
    }
};

WinogradConv::WinogradConv(const float* weight, const float* bias, int in, int out, bool transposed, int threads)
    : in_(in), out_(out), transposed_(transposed), bias_(out), panels_(lay_out_points()) {
    std::copy(bias, bias + out, bias_.data());
    transform_weights(weight, threads);
}

Shape WinogradConv::output(Shape x) const {
    if (transposed_) return {x.batch, 2 * x.height, 2 * x.width};
    return {x.batch, (x.height + 1) / 2, (x.width + 1) / 2};
}

std::size_t WinogradConv::lay_out_points() {
    // The odd phase has two taps: it vanishes at infinity, or at 0 when transposed.
    const int dead = transposed_ ? 0 : 5;
    std::size_t total = 0;
    for (int p = 0; p < 36; ++p) {
        const int rows = p / 6 == dead ? 1 : 2, cols = p % 6 == dead ? 1 : 2, phases = rows * cols;
        points_[p] = {rows, cols, transposed_ ? in_ : in_ * phases, transposed_ ? out_ * phases : out_, total};
        total += static_cast<std::size_t>(points_[p].depth) * points_[p].columns;
    }
    return total;
}

void WinogradConv::transform_weights(const float* weight, int threads) {
    const Filter filters[2] = {{transposed_, 0}, {transposed_, 1}};
    parallel(36, threads, [&](long p, int) {
        const Point& point = points_[p];
        pack_panels(panels_.data() + point.panels, point.columns, point.depth, [&](int n, int k) {
            const int phase = transposed_ ? n / out_ : k / in_, a = phase / point.cols, b = phase % point.cols;
            const long o = n % out_, i = k % in_;
            const float* kernel = weight + 25 * (transposed_ ? i * out_ + o : o * in_ + i);
            const double *down = filters[a].factor[p / 6], *across = filters[b].factor[p % 6];
            double sum = 0;
            for (int r = a; r < 5; r += 2)
                for (int c = b; c < 5; c += 2) sum += down[r] * across[c] * kernel[r * 5 + c];
            return static_cast<float>(sum);
        });
    });
}

void WinogradConv::gather(const Block& block) const {
    const int phases = transposed_ ? 1 : 4, step = transposed_ ? 1 : 2;
    for (int tile = 0; tile < block.tiles; ++tile) {
        const auto [n, row, col] = block.place(tile);
        const float* image = block.x + n * block.in.height * block.in.width * in_;
        for (int phase = 0; phase < phases; ++phase) {
            const int a = phase / 2, b = phase % 2;
            const float* pixels[36];
            float* points[36];
            float* v = block.v;
            for (int p = 0; p < 36; ++p) {
                const long i = step * (4 * row - 1 + p / 6) + a, j = step * (4 * col - 1 + p % 6) + b;
                const bool inside = i >= 0 && i < block.in.height && j >= 0 && j < block.in.width;
                pixels[p] = inside ? image + (i * block.in.width + j) * in_ : block.zeros;
                points[p] = v + tile * row_size(points_[p].depth) + (a * points_[p].cols + b) * in_;
                v += block.tiles * row_size(points_[p].depth);
            }
            kernels().tile_in(pixels, in_, points, a ? 5 : 6, b ? 5 : 6);
        }
    }
}

void WinogradConv::multiply(const Block& block) const {
    const float* v = block.v;
    float* m = block.m;
    for (const Point& p : points_) {
        const long lda = row_size(p.depth), ldc = row_size(p.columns);
        kernels().gemm({v, lda, panels_.data() + p.panels, nullptr, m, ldc, block.tiles, p.depth, p.columns, 1, 0});
        v += block.tiles * lda;
        m += block.tiles * ldc;
    }
}

void WinogradConv::scatter(const Block& block) const {
    const int phases = transposed_ ? 4 : 1, step = transposed_ ? 2 : 1;
    for (int tile = 0; tile < block.tiles; ++tile) {
        const auto [n, row, col] = block.place(tile);
        float* image = block.y + n * block.out.height * block.out.width * out_;
        for (int phase = 0; phase < phases; ++phase) {
            const int a = phase / 2, b = phase % 2;
            const float* points[36];
            float* pixels[16];
            const float* m = block.m;
            for (int p = 0; p < 36; ++p) {
                points[p] = m + tile * row_size(points_[p].columns) + (a * points_[p].cols + b) * out_;
                m += block.tiles * row_size(points_[p].columns);
            }
            for (int q = 0; q < 16; ++q) {
                const long i = step * (4 * row + q / 4) + a, j = step * (4 * col + q % 4) + b;
                const bool inside = i < block.out.height && j < block.out.width;
                pixels[q] = inside ? image + (i * block.out.width + j) * out_ : block.nothing;
            }
            kernels().tile_out(points, bias_.data(), out_, pixels, a, b);
        }
    }
}

void WinogradConv::normalise(const Block& block, const GdnLayer& gdn) const {
    const long size = transposed_ ? 8 : 4;  // of a tile in the output
    for (long tile = 0, count; tile < block.tiles; tile += count) {
        const auto [n, row, col] = block.place(tile);
        count = std::min(block.tile_cols - col, block.tiles - tile);
        const long left = col * size, right = std::min(left + count * size, block.out.width);
        for (long i = row * size; i < std::min((row + 1) * size, block.out.height); ++i)
            gdn.rows(block.y + ((n * block.out.height + i) * block.out.width + left) * out_, right - left,
                     block.squares);
    }
}

void WinogradConv::run(const float* x, Shape in, float* y, const GdnLayer* gdn, int threads) const {
    const Shape out = output(in);
    const long tile_rows = ((transposed_ ? in.height : out.height) + 3) / 4;
    const long tile_cols = ((transposed_ ? in.width : out.width) + 3) / 4;
    const long total = in.batch * tile_rows * tile_cols, tiles = std::min<long>(kTiles, total);
    long v = 0, m = 0;
    for (const Point& p : points_) v += tiles * row_size(p.depth), m += tiles * row_size(p.columns);
    const long squares = gdn ? gdn->scratch() : 0, each = v + m + squares + out_;
    const Buffer scratch(each * threads), zeros(in_);
    std::fill(zeros.data(), zeros.data() + in_, 0.0f);
    parallel((total + kTiles - 1) / kTiles, threads, [&](long index, int worker) {
        float* mine = scratch.data() + each * worker;
        const int here = static_cast<int>(std::min<long>(kTiles, total - index * kTiles));
        const Block block{x, y, in, out, tile_rows, tile_cols, index * kTiles, here, mine, mine + v, mine + v + m,
                          mine + v + m + squares, zeros.data()};
        gather(block);
        multiply(block);
        scatter(block);
        if (gdn) normalise(block, *gdn);
    });
}

}  // namespace tinify::fast
