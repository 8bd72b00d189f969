// SPDX-License-Identifier: Apache-2.0
#include "fast_conv.hpp"

#include <algorithm>
#include <cmath>

namespace tinify::fast {

namespace {

constexpr int kTiles = 48;  // 4x4 tiles in a block: what they are transformed to stays in the last cache level
constexpr int kSkew = 16;   // floats between rows, so that they do not all fall on the same cache lines

long row_size(int columns) { return columns + kSkew; }

}  // namespace

void finish_pixels(const After& after, const float* x, float* y, long at, long pixels, int channels, float* squares) {
    const float* add = after.add ? after.add + at : nullptr;
    kernels().finish(after.finish, x, y + at, pixels * channels, after.gdn ? nullptr : add);
    if (after.gdn) after.gdn->rows(y + at, pixels, squares, add);
}

// What each tap of a phase contributes at the points 0, a, -a, b, -b, infinity.
struct WinogradConv::Filter {
    double factor[6][5];

    Filter(Kind kind, int size, int phase) : factor{} {
        for (int tap = 0; tap < size; ++tap) {
            const int t = place(kind, size, phase, tap);
            if (t < 0) continue;
            factor[0][tap] = t == 0;
            factor[5][tap] = t == 2;
            for (int p = 1; p < 5; ++p) {
                const double mine = p < 3 ? kA2 : kB2, other = p < 3 ? kB2 : kA2;
                const double point = (p % 2 ? 1 : -1) * std::sqrt(mine);
                factor[p][tap] = std::pow(point, t) / (2 * mine * (mine - other));
            }
        }
    }

    // The place of a tap in the phase's 3-tap filter, or -1.
    static int place(Kind kind, int size, int phase, int tap) {
        if (kind == Kind::kSame || kind == Kind::kShuffle) return tap;
        const int even = kind == Kind::kDouble ? 4 + phase - tap : tap + (5 - size) / 2 - phase;
        return even % 2 ? -1 : even / 2;
    }

    bool alive(int p) const {
        return std::any_of(factor[p], factor[p] + 5, [](double f) { return f != 0; });
    }
};

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

WinogradConv::WinogradConv(const float* weight, const float* bias, int size, int in, int out, Kind kind, int threads)
    : size_(size), in_(in), out_(out), kind_(kind), bias_(out * phases_out() * phases_out()),
      panels_(lay_out_points()) {
    const int phases = kind == Kind::kShuffle ? 4 : 1, all = phases_out() * phases_out();
    for (int phase = 0; phase < all; ++phase)
        for (int o = 0; o < out; ++o) bias_.data()[phase * out + o] = bias[o * phases + phase % phases];
    transform_weights(weight, threads);
}

Shape WinogradConv::output(Shape x) const {
    if (kind_ == Kind::kHalve) return {x.batch, (x.height + 1) / 2, (x.width + 1) / 2};
    return {x.batch, phases_out() * x.height, phases_out() * x.width};
}

std::size_t WinogradConv::lay_out_points() {
    const int phases = phases_in() * phases_out();  // in one direction
    int first[6] = {}, count[6] = {};
    for (int phase = phases - 1; phase >= 0; --phase) {
        const Filter filter(kind_, size_, phase);
        int begin = 0, end = 6;
        while (!filter.alive(begin)) ++begin;
        while (!filter.alive(end - 1)) --end;
        for (int p = begin; p < end; ++p) first[p] = phase, ++count[p];
        alive_[phase] = phases_in() > 1 ? Span{begin, end} : Span{0, 6};
    }
    std::size_t total = 0;
    for (int p = 0; p < 36; ++p) {
        const int a = p / 6, b = p % 6, all = count[a] * count[b];
        points_[p] = {first[a], first[b], count[a], count[b], all ? in_ : 0, all ? out_ : 0, total};
        (phases_in() > 1 ? points_[p].depth : points_[p].columns) *= all;
        total += static_cast<std::size_t>(points_[p].depth) * points_[p].columns;
    }
    return total;
}

void WinogradConv::transform_weights(const float* weight, int threads) {
    const Filter filters[2] = {{kind_, size_, 0}, {kind_, size_, 1}};
    const int taps = size_ * size_;
    parallel(36, threads, [&](long p, int) {
        const Point& point = points_[p];
        pack_panels(panels_.data() + point.panels, point.columns, point.depth, [&](int n, int k) {
            const int index = n / out_ + k / in_;  // one of them is 0
            const int a = point.row + index / point.cols, b = point.col + index % point.cols;
            const long o = n % out_, i = k % in_;
            const long filter = kind_ == Kind::kShuffle ? (4 * o + 2 * a + b) * in_ + i : o * in_ + i;
            const float* kernel = weight + taps * (kind_ == Kind::kDouble ? i * out_ + o : filter);
            const double *down = filters[a].factor[p / 6], *across = filters[b].factor[p % 6];
            double sum = 0;
            for (int t = 0; t < taps; ++t) sum += down[t / size_] * across[t % size_] * kernel[t];
            return static_cast<float>(sum);
        });
    });
}

void WinogradConv::gather(const Block& block) const {
    const int step = phases_in();
    for (int tile = 0; tile < block.tiles; ++tile) {
        const auto [n, row, col] = block.place(tile);
        const float* image = block.x + n * block.in.height * block.in.width * in_;
        for (int phase = 0; phase < step * step; ++phase) {
            const int a = phase / 2, b = phase % 2;
            const float* pixels[36];
            float* points[36];
            float* v = block.v;
            for (int p = 0; p < 36; ++p) {
                const long i = step * (4 * row - 1 + p / 6) + a, j = step * (4 * col - 1 + p % 6) + b;
                const bool inside = i >= 0 && i < block.in.height && j >= 0 && j < block.in.width;
                pixels[p] = inside ? image + (i * block.in.width + j) * in_ : block.zeros;
                points[p] = v + tile * row_size(points_[p].depth) + (step > 1 ? points_[p].index(a, b) * in_ : 0);
                v += block.tiles * row_size(points_[p].depth);
            }
            kernels().tile_in(pixels, in_, points, alive_[a], alive_[b]);
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

void WinogradConv::scatter(const Block& block, const After& after) const {
    const int step = phases_out(), vanishing = kind_ == Kind::kDouble;
    const bool adding = after.add && !after.gdn;
    for (int tile = 0; tile < block.tiles; ++tile) {
        const auto [n, row, col] = block.place(tile);
        const long image = n * block.out.height * block.out.width * out_;
        for (int phase = 0; phase < step * step; ++phase) {
            const int a = phase / 2, b = phase % 2;
            const float *points[36], *adds[16];
            float* pixels[16];
            const float* m = block.m;
            for (int p = 0; p < 36; ++p) {
                const int index = step > 1 ? points_[p].index(a, b) : 0;
                points[p] = points_[p].depth ? m + tile * row_size(points_[p].columns) + index * out_ : block.zeros;
                m += block.tiles * row_size(points_[p].columns);
            }
            for (int q = 0; q < 16; ++q) {
                const long i = step * (4 * row + q / 4) + a, j = step * (4 * col + q % 4) + b;
                const bool inside = i < block.out.height && j < block.out.width;
                const long at = image + (i * block.out.width + j) * out_;
                pixels[q] = inside ? block.y + at : block.nothing;
                adds[q] = inside && adding ? after.add + at : block.zeros;
            }
            kernels().tile_out(points, bias_.data() + phase * out_, out_, pixels, a && vanishing, b && vanishing,
                               after.finish, adding ? adds : nullptr);
        }
    }
}

void WinogradConv::normalise(const Block& block, const After& after) const {
    const long size = 4 * phases_out();  // of a tile in the output
    for (long tile = 0, count; tile < block.tiles; tile += count) {
        const auto [n, row, col] = block.place(tile);
        count = std::min(block.tile_cols - col, block.tiles - tile);
        const long left = col * size, right = std::min(left + count * size, block.out.width);
        for (long i = row * size; i < std::min((row + 1) * size, block.out.height); ++i) {
            const long at = ((n * block.out.height + i) * block.out.width + left) * out_;
            after.gdn->rows(block.y + at, right - left, block.squares, after.add ? after.add + at : nullptr);
        }
    }
}

void WinogradConv::run(const float* x, Shape in, float* y, const After& after, int threads) const {
    const Shape out = output(in);
    const long tile_rows = (out.height / phases_out() + 3) / 4, tile_cols = (out.width / phases_out() + 3) / 4;
    const long total = in.batch * tile_rows * tile_cols, tiles = std::min<long>(kTiles, total);
    long v = 0, m = 0;
    for (const Point& p : points_) v += tiles * row_size(p.depth), m += tiles * row_size(p.columns);
    const long squares = after.gdn ? after.gdn->scratch() : 0, each = v + m + squares + out_;
    const Buffer scratch(each * threads), zeros(std::max(in_, out_));
    std::fill(zeros.data(), zeros.data() + std::max(in_, out_), 0.0f);
    parallel((total + kTiles - 1) / kTiles, threads, [&](long index, int worker) {
        float* mine = scratch.data() + each * worker;
        const int here = static_cast<int>(std::min<long>(kTiles, total - index * kTiles));
        const Block block{x, y, in, out, tile_rows, tile_cols, index * kTiles, here, mine, mine + v, mine + v + m,
                          mine + v + m + squares, zeros.data()};
        gather(block);
        multiply(block);
        scatter(block, after);
        if (after.gdn) normalise(block, after);
    });
}

}  // namespace tinify::fast
