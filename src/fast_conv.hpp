// SPDX-License-Identifier: Apache-2.0
// 5x5 convolutions of stride 2, forward and transposed, on channels-last float32 pictures.
//
// Over the four phases of even and odd rows and columns each is a set of 3x3 convolutions of stride 1, which Winograd's
// F(4x4, 3x3) computes with 121 instead of 400 products for 16 pixels and a pair of channels.
// Source: Lavin and Gray 2015, arXiv:1509.09308.
#pragma once

#include "fast_gdn.hpp"

namespace tinify::fast {

struct Shape {
    long batch, height, width;
};

class WinogradConv {
public:
    // weight: [out][in][5][5], or [in][out][5][5] when transposed; in and out multiples of kPanel.
    WinogradConv(const float* weight, const float* bias, int in, int out, bool transposed, int threads);
    // Padding 2; transposed, output padding 1.
    Shape output(Shape x) const;
    // x: [batch][height][width][in] -> y: [batch][..][..][out]. A `gdn` is applied to y while it is in cache.
    void run(const float* x, Shape shape, float* y, const GdnLayer* gdn, int threads) const;
    int in_channels() const { return in_; }
    int out_channels() const { return out_; }

private:
    // One of Winograd's 6x6 points: a matrix product over the tiles.
    struct Point {
        int rows, cols;      // how many phases are alive here, in each direction
        int depth, columns;  // phases are side by side in depth, or in columns when transposed
        std::size_t panels;  // where its weights begin
    };
    struct Block;
    std::size_t lay_out_points();
    void transform_weights(const float* weight, int threads);
    void gather(const Block& block) const;
    void multiply(const Block& block) const;
    void scatter(const Block& block) const;
    void normalise(const Block& block, const GdnLayer& gdn) const;

    int in_, out_;
    bool transposed_;
    Point points_[36];
    Buffer bias_, panels_;
};

}  // namespace tinify::fast
