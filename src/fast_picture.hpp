// SPDX-License-Identifier: Apache-2.0
// The outer layers of stride 2 of an image transform: from a picture of few channels, and back to it.
#pragma once

#include "fast_conv.hpp"

namespace tinify::fast {

// Convolution of 5x5, 3x3 or 1x1, padding size / 2, of a planar picture:
// [batch][in][height][width] -> [batch][..][..][out].
class PictureConv {
public:
    // weight: [out][in][size][size]; out a multiple of kPanel.
    PictureConv(const float* weight, const float* bias, int size, int in, int out);
    Shape output(Shape x) const { return {x.batch, (x.height + 1) / 2, (x.width + 1) / 2}; }
    void run(const float* x, Shape shape, float* y, const After& after, int threads) const;
    int in_channels() const { return in_; }
    int out_channels() const { return out_; }

private:
    int size_, in_, out_;
    Buffer bias_, panels_;
};

// Transposed convolution, padding 2 and output padding 1, to a planar picture:
// [batch][height][width][in] -> [batch][out][2 height][2 width].
class PictureDeconv {
public:
    // weight: [in][out][5][5]; 5 * out at most kPanel.
    PictureDeconv(const float* weight, const float* bias, int in, int out);
    Shape output(Shape x) const { return {x.batch, 2 * x.height, 2 * x.width}; }
    void run(const float* x, Shape shape, float* y, int threads) const;
    int in_channels() const { return in_; }
    int out_channels() const { return out_; }

private:
    void product(const float* x, long width, float* out) const;
    void fold(const float* const* rows, int parity, Shape shape, float* y) const;

    int in_, out_;
    Buffer bias_, panels_;
};

}  // namespace tinify::fast
