// SPDX-License-Identifier: Apache-2.0
// 1x1 convolutions on channels-last float32 pictures, and what gates their results.
#pragma once

#include "fast_conv.hpp"

namespace tinify::fast {

class PointwiseConv {
public:
    // weight: [out][in]; in and out multiples of kPanel; stride 1 or 2.
    PointwiseConv(const float* weight, const float* bias, int in, int out, int stride);
    Shape output(Shape x) const;
    // x: [batch][height][width][in] -> y: [batch][..][..][out].
    void run(const float* x, Shape shape, float* y, const After& after, int threads) const;
    int in_channels() const { return in_; }
    int out_channels() const { return out_; }

private:
    int in_, out_, stride_;
    Buffer bias_, panels_;
};

// x += a * sigmoid(b), for `size` floats, a multiple of kPanel.
void gate(const float* a, const float* b, float* x, long size, int threads);

}  // namespace tinify::fast
