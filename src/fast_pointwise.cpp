// SPDX-License-Identifier: Apache-2.0
#include "fast_pointwise.hpp"

#include <algorithm>

namespace tinify::fast {

namespace {

constexpr long kPixels = 48;       // pixels of a matrix product
constexpr long kBlock = 8 * kPixels;
constexpr long kGated = 1L << 15;  // floats of a block

}  // namespace

PointwiseConv::PointwiseConv(const float* weight, const float* bias, int in, int out, int stride)
    : in_(in), out_(out), stride_(stride), bias_(out), panels_(static_cast<std::size_t>(in) * out) {
    std::copy(bias, bias + out, bias_.data());
    pack_panels(panels_.data(), out, in, [&](int n, int k) { return weight[static_cast<long>(n) * in + k]; });
}

Shape PointwiseConv::output(Shape x) const {
    return {x.batch, (x.height + stride_ - 1) / stride_, (x.width + stride_ - 1) / stride_};
}

void PointwiseConv::run(const float* x, Shape in, float* y, const After& after, int threads) const {
    const Shape out = output(in);
    // Without a stride the whole batch is one row.
    const long rows = stride_ == 1 ? 1 : out.batch * out.height, width = out.batch * out.height * out.width / rows;
    const long blocks = (width + kBlock - 1) / kBlock, squares = after.gdn ? after.gdn->scratch() : 0;
    const long each = squares + kPixels * out_;
    const Buffer scratch(each * threads);
    parallel(rows * blocks, threads, [&](long index, int worker) {
        const long row = index / blocks, first = index % blocks * kBlock, last = std::min(width, first + kBlock);
        const long input = (row / out.height * in.height + row % out.height * stride_) * in.width;
        float *mine = scratch.data() + each * worker, *sums = mine + squares;
        for (long j = first; j < last; j += kPixels) {
            const int pixels = static_cast<int>(std::min(kPixels, last - j));
            const long at = (row * width + j) * out_;
            kernels().gemm({x + (input + j * stride_) * in_, static_cast<long>(stride_) * in_, panels_.data(),
                            bias_.data(), sums, out_, pixels, in_, out_, 1, 0});
            finish_pixels(after, sums, y, at, pixels, out_, mine);
        }
    });
}

void gate(const float* a, const float* b, float* x, long size, int threads) {
    parallel((size + kGated - 1) / kGated, threads, [&](long block, int) {
        const long at = block * kGated;
        kernels().gate(a + at, b + at, x + at, std::min(kGated, size - at));
    });
}

}  // namespace tinify::fast
