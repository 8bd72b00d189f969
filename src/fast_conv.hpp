// SPDX-License-Identifier: Apache-2.0
// Convolutions on channels-last float32 pictures: 3x3 of stride 1, and what is made of those.
//
//   kSame    3x3, stride 1               itself
//   kShuffle 3x3 and a pixel shuffle     one for each of the four phases of even and odd rows and columns of the output
//   kHalve   5x5 or 3x3, stride 2        the sum of one for each of the four phases of the input
//   kDouble  5x5 transposed, stride 2    one for each of the four phases of the output, with fewer taps
//
// Winograd's F(4x4, 3x3) computes such a convolution with 36 instead of 144 products for 16 pixels and a pair of
// channels; points at which a phase with fewer taps vanishes are left out.
// Source: Lavin and Gray 2015, arXiv:1509.09308.
#pragma once

#include "fast_gdn.hpp"

namespace tinify::fast {

struct Shape {
    long batch, height, width;
};

enum class Kind { kSame, kShuffle, kHalve, kDouble };

// What comes after a convolution: y -> finish(y), or with a gdn, gdn(finish(y)) + add.
struct After {
    Finish finish;
    const GdnLayer* gdn = nullptr;
    const float* add = nullptr;  // laid out as y is; without a gdn it may be y itself
};

// x -> y, `pixels` pixels from number `at` of y on; squares: scratch of the GDN.
void finish_pixels(const After& after, const float* x, float* y, long at, long pixels, int channels, float* squares);

class WinogradConv {
public:
    // weight: [out][in][size][size], or [in][out][size][size] for kDouble; size 5 or 3; in and out multiples of kPanel.
    // kShuffle has 4 * out filters of which the four phases of a channel are neighbours, as a pixel shuffle wants it.
    WinogradConv(const float* weight, const float* bias, int size, int in, int out, Kind kind, int threads);
    // Padding size / 2; kDouble: output padding 1.
    Shape output(Shape x) const;
    // x: [batch][height][width][in] -> y: [batch][..][..][out].
    void run(const float* x, Shape shape, float* y, const After& after, int threads) const;
    int in_channels() const { return in_; }
    int out_channels() const { return out_; }

private:
    // One of Winograd's 6x6 points: a matrix product over the tiles.
    struct Point {
        int row, col;        // the first phase that is alive here, in each direction
        int rows, cols;      // how many are
        int depth, columns;  // phases are side by side in depth, or in columns where the output has them
        std::size_t panels;  // where its weights begin
        int index(int a, int b) const { return (a - row) * cols + b - col; }
    };
    struct Filter;
    struct Block;
    std::size_t lay_out_points();
    void transform_weights(const float* weight, int threads);
    void gather(const Block& block) const;
    void multiply(const Block& block) const;
    void scatter(const Block& block, const After& after) const;
    void normalise(const Block& block, const After& after) const;
    int phases_in() const { return kind_ == Kind::kHalve ? 2 : 1; }
    int phases_out() const { return kind_ == Kind::kSame || kind_ == Kind::kHalve ? 1 : 2; }

    int size_, in_, out_;
    Kind kind_;
    Span alive_[2];  // the points at which a phase is not zero, in one direction
    Point points_[36];
    Buffer bias_, panels_;
};

}  // namespace tinify::fast
