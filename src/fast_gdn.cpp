// SPDX-License-Identifier: Apache-2.0
#include "fast_gdn.hpp"

#include <algorithm>

namespace tinify::fast {

GdnLayer::GdnLayer(const float* gamma, const float* beta, int channels, bool inverse)
    : gamma_(static_cast<std::size_t>(channels) * channels), beta_(channels) {
    const auto value = [&](int n, int k) { return gamma[static_cast<long>(n) * channels + k]; };
    pack_panels(gamma_.data(), channels, channels, value);
    std::copy(beta, beta + channels, beta_.data());
    gdn_ = {gamma_.data(), beta_.data(), channels, inverse};
}

void GdnLayer::run(float* x, long pixels, int threads) const {
    constexpr long kBlock = 16 * kGdnPixels;
    const Buffer squares(scratch() * threads);
    parallel((pixels + kBlock - 1) / kBlock, threads, [&](long block, int worker) {
        const long first = block * kBlock;
        rows(x + first * channels(), std::min(kBlock, pixels - first), squares.data() + scratch() * worker,
             nullptr);
    });
}

}  // namespace tinify::fast
