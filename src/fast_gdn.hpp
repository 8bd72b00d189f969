// SPDX-License-Identifier: Apache-2.0
// Generalised divisive normalisation in one pass over memory.
// Source: Ballé, Laparra, Simoncelli 2016, arXiv:1511.06281.
#pragma once

#include "fast_kernels.hpp"
#include "fast_memory.hpp"
#include "fast_threads.hpp"

namespace tinify::fast {

class GdnLayer {
public:
    // gamma: [channels][channels], beta: [channels], both as they are used; channels a multiple of kPanel.
    GdnLayer(const float* gamma, const float* beta, int channels, bool inverse);
    int channels() const { return gdn_.channels; }
    long scratch() const { return static_cast<long>(kGdnPixels) * gdn_.channels; }
    // In place on `pixels` pixels of `channels` floats; squares: scratch() floats; add: null, or what is added then.
    void rows(float* x, long pixels, float* squares, const float* add) const {
        kernels().gdn(gdn_, x, pixels, squares, add);
    }
    void run(float* x, long pixels, int threads) const;

private:
    Buffer gamma_, beta_;
    Gdn gdn_;
};

// Packs value(column, depth) as [columns / kPanel][depth][kPanel]; columns a multiple of kPanel.
template <class Value>
void pack_panels(float* out, int columns, int depth, const Value& value) {
    for (int n = 0; n < columns; n += kPanel)
        for (int k = 0; k < depth; ++k)
            for (int i = 0; i < kPanel; ++i) *out++ = value(n + i, k);
}

}  // namespace tinify::fast
