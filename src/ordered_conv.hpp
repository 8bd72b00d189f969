// SPDX-License-Identifier: Apache-2.0
// 5x5 convolutions that keep the size, in a fixed order: the same floats on every machine, with any threads.
//
//     x ── tiles of 6x6 ──► 36 points ── a product over the channels for each ──► 36 points ──► 2x2 of y
//
// Winograd's F(2x2, 5x5) at the points 0, +-1/2, +-5/4 and infinity: 36 products in place of 100, with rounding errors
// like those of the sums themselves. Source: Lavin and Gray 2015, arXiv:1509.09308.
#pragma once

#include <vector>

#include "ordered.hpp"

namespace tinify {

struct OrderedShape {
    long batch, height, width;
};

class OrderedConv {
public:
    // weight [out][in][5][5], bias [out]; columns: out and what fills up panels.
    OrderedConv(const float* weight, const float* bias, long in, long out);
    long in() const { return in_; }
    long columns() const { return columns_; }
    // x [batch][height][width][in] -> y [batch][height][width][columns].
    void run(const float* x, OrderedShape shape, float* y, int threads) const;

private:
    struct Block;
    void gather(const Block& block) const;
    void multiply(const Block& block) const;
    void scatter(const Block& block) const;

    long in_, columns_;
    std::vector<float> bias_, zeros_, panels_;
};

}  // namespace tinify
