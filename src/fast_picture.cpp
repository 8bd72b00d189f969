// SPDX-License-Identifier: Apache-2.0
#include "fast_picture.hpp"

#include <algorithm>

namespace tinify::fast {

namespace {

constexpr long kRowsOut = 4;             // output rows of a block of PictureConv
constexpr long kRowsIn = 16;             // input rows of a block of PictureDeconv
constexpr long kPixels = 48;             // pixels of a matrix product
constexpr long kColumns = 5L * kPanel;   // what PictureDeconv computes for a pixel: a panel for each kernel row

// Rows [top, top + count) of a planar picture, interleaved; each has `left` zero pixels before it, 5 - `left` after it.
void interleave(const float* image, Shape shape, int channels, long top, long left, long count, float* out) {
    const long row_size = (shape.width + 5) * channels;
    std::fill(out, out + count * row_size, 0.0f);
    for (long i = std::max(0L, -top); i < std::min(count, shape.height - top); ++i)
        for (int c = 0; c < channels; ++c) {
            const float* from = image + (c * shape.height + top + i) * shape.width;
            float* to = out + i * row_size + left * channels + c;
            for (long j = 0; j < shape.width; ++j) to[j * channels] = from[j];
        }
}

}  // namespace

PictureConv::PictureConv(const float* weight, const float* bias, int size, int in, int out)
    : size_(size), in_(in), out_(out), bias_(out), panels_(static_cast<std::size_t>(size) * size * in * out) {
    const int taps = size * size;
    std::copy(bias, bias + out, bias_.data());
    pack_panels(panels_.data(), out, taps * in, [&](int n, int k) {
        return weight[(static_cast<long>(n) * in + k % in) * taps + k / in];
    });
}

void PictureConv::run(const float* x, Shape in, float* y, const After& after, int threads) const {
    const Shape out = output(in);
    const long row_size = (in.width + 5) * in_, blocks = (out.height + kRowsOut - 1) / kRowsOut, border = size_ / 2;
    const long patch = (2 * kRowsOut + size_ - 2) * row_size, squares = after.gdn ? after.gdn->scratch() : 0;
    const long each = patch + squares + kPixels * out_;
    const Buffer scratch(each * threads);
    parallel(in.batch * blocks, threads, [&](long index, int worker) {
        float *mine = scratch.data() + each * worker, *sums = mine + patch + squares;
        const long n = index / blocks, first = index % blocks * kRowsOut, rows = std::min(kRowsOut, out.height - first);
        interleave(x + n * in_ * in.height * in.width, in, in_, 2 * first - border, border, 2 * rows + size_ - 2, mine);
        for (long i = 0; i < rows; ++i)
            for (long j = 0; j < out.width; j += kPixels) {
                const int pixels = static_cast<int>(std::min(kPixels, out.width - j));
                const float* from = mine + 2 * i * row_size + 2 * j * in_;
                const long at = ((n * out.height + first + i) * out.width + j) * out_;
                // A kernel row is one run of pixels; the next pixel's begins two pixels on.
                kernels().gemm({from, 2 * in_, panels_.data(), bias_.data(), sums, out_, pixels, size_ * in_, out_,
                                size_, row_size});
                finish_pixels(after, sums, y, at, pixels, out_, mine + patch);
            }
    });
}

PictureDeconv::PictureDeconv(const float* weight, const float* bias, int in, int out)
    : in_(in), out_(out), bias_(out), panels_(static_cast<std::size_t>(kColumns) * in) {
    std::copy(bias, bias + out, bias_.data());
    pack_panels(panels_.data(), kColumns, in, [&](int n, int k) {
        const int row = n / kPanel, col = n % kPanel / out, o = n % kPanel % out;
        return col < 5 ? weight[(static_cast<long>(k) * out + o) * 25 + row * 5 + col] : 0.0f;
    });
}

// What each pixel of an input row adds to the 5x5 output pixels around it: [width][5][kPanel].
void PictureDeconv::product(const float* x, long width, float* out) const {
    for (long j = 0; j < width; j += kPixels) {
        const int pixels = static_cast<int>(std::min(kPixels, width - j));
        kernels().gemm({x + j * in_, in_, panels_.data(), nullptr, out + j * kColumns, kColumns, pixels, in_,
                        static_cast<int>(kColumns), 1, 0});
    }
}

// One output row from the products of the input rows above, at and below it; null: outside. Each has a zero pixel on
// either side. An odd row does not reach the one above.
void PictureDeconv::fold(const float* const* rows, int parity, Shape in, float* y) const {
    const long plane = 4 * in.height * in.width;
    for (int o = 0; o < out_; ++o) std::fill(y + o * plane, y + o * plane + 2 * in.width, bias_.data()[o]);
    for (int t = parity; t < 3; ++t) {
        if (!rows[t]) continue;
        const float* here = rows[t] + (4 + parity - 2 * t) * kPanel;
        for (long j = 0; j < in.width; ++j, here += kColumns) {
            const float *before = here - kColumns, *after = here + kColumns;
            for (int o = 0; o < out_; ++o) {
                y[o * plane + 2 * j] += before[4 * out_ + o] + here[2 * out_ + o] + after[o];
                y[o * plane + 2 * j + 1] += here[3 * out_ + o] + after[out_ + o];
            }
        }
    }
}

void PictureDeconv::run(const float* x, Shape in, float* y, int threads) const {
    const long blocks = (in.height + kRowsIn - 1) / kRowsIn, row_size = (in.width + 2) * kColumns;
    const Buffer scratch(3 * row_size * threads);
    std::fill(scratch.data(), scratch.data() + 3 * row_size * threads, 0.0f);
    parallel(in.batch * blocks, threads, [&](long index, int worker) {
        float* mine = scratch.data() + 3 * row_size * worker + kColumns;
        const long n = index / blocks, first = index % blocks * kRowsIn, last = std::min(first + kRowsIn, in.height);
        const auto row = [&](long i) { return i < 0 || i >= in.height ? nullptr : mine + i % 3 * row_size; };
        const auto compute = [&](long i) {
            if (row(i)) product(x + (n * in.height + i) * in.width * in_, in.width, row(i));
        };
        compute(first - 1);
        compute(first);
        for (long i = first; i < last; ++i) {
            compute(i + 1);
            const float* rows[3] = {row(i - 1), row(i), row(i + 1)};
            for (int parity = 0; parity < 2; ++parity)
                fold(rows, parity, in, y + (n * out_ * 2 * in.height + 2 * i + parity) * 2 * in.width);
        }
    });
}

}  // namespace tinify::fast
