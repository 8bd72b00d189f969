// SPDX-License-Identifier: Apache-2.0
#include "fast_search.hpp"

#include <algorithm>
#include <limits>

#include "fast_gdn.hpp"
#include "fast_kernels.hpp"
#include "fast_memory.hpp"
#include "fast_threads.hpp"

namespace tinify::fast {

namespace {

constexpr long kVectors = 48;  // whose costs stay in the second cache level

}  // namespace

void nearest(const Search& s, const float* y, long rows, int64_t* best, int threads) {
    const int columns = (s.codes + kPanel - 1) / kPanel * kPanel;
    const Buffer panels(static_cast<size_t>(columns) * s.dimensions), bias(columns);
    const auto weight = [&](int n, int k) {
        return n < s.codes ? -s.codebook[static_cast<long>(n) * s.dimensions + k] : 0.0f;
    };
    pack_panels(panels.data(), columns, s.dimensions, weight);
    std::fill(std::copy(s.bias, s.bias + s.codes, bias.data()), bias.data() + columns,
              std::numeric_limits<float>::max());
    const Buffer costs(static_cast<size_t>(kVectors) * columns * threads);
    parallel((rows + kVectors - 1) / kVectors, threads, [&](long block, int worker) {
        const long first = block * kVectors;
        const int count = static_cast<int>(std::min(kVectors, rows - first));
        float* cost = costs.data() + kVectors * columns * worker;
        kernels().gemm({y + first * s.dimensions, s.dimensions, panels.data(), bias.data(), cost, columns, count,
                        s.dimensions, columns, 1, 0});
        for (int i = 0; i < count; ++i)  // what is no number may choose a code that is not there
            best[first + i] = std::min(kernels().least(cost + static_cast<long>(i) * columns, columns), s.codes - 1);
    });
}

}  // namespace tinify::fast
