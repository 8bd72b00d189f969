// SPDX-License-Identifier: Apache-2.0
// Compiled without contraction: a fused multiply-add would round once where others round twice.
#include "ordered.hpp"

#include <algorithm>
#include <cstring>

#include "fast_kernels.hpp"
#include "fast_threads.hpp"

namespace tinify {

namespace {

constexpr long kDepth = 128;  // rows of two panels that stay in the first cache level while all rows of x pass

// Rows [first, last) of a product at two panels, or the last one.
struct Block {
    const OrderedProduct& p;
    long first, last, column, panels;
    const OrderedKernels& kernels;

    // Sums of the run of floats [k, k + depth) of all taps side by side, which begins `ahead` floats from each row's.
    void piece(long k, long depth, long ahead) const {
        const auto* run = panels == 2 ? kernels.two : kernels.one;
        OrderedPiece piece;
        piece.w = p.w + column / kOrderedPanel * p.panel + k * kOrderedPanel;
        piece.next = p.panel;
        piece.depth = depth;
        const long groups = (last - first + kOrderedRows - 1) / kOrderedRows;
        for (long group = 0, row = first; group < groups; ++group) {
            const long end = first + (last - first) * (group + 1) / groups;
            const long count = end - row;
            for (long i = 0; i < count; ++i, ++row) {
                piece.rows[i] = p.x + (p.where ? p.where[row] : row) * p.stride + ahead;
                piece.to[i] = p.y + row * p.columns + column;
                piece.from[i] = k ? piece.to[i] : p.from + row * p.from_stride + column;
            }
            run[count](piece);
        }
    }

    bool beside(long tap) const { return p.stride == p.depth && p.offsets[tap] == p.offsets[tap - 1] + 1; }

    void sums() const {
        for (long tap = 0, k = 0; tap < p.taps;) {
            const long offset = p.offsets ? p.offsets[tap] : 0;
            long length = p.depth;  // of taps that lie side by side
            for (++tap; tap < p.taps && beside(tap); ++tap) length += p.depth;
            for (long done = 0, depth; done < length; done += depth, k += depth) {
                depth = std::min(kDepth, length - done);
                piece(k, depth, offset * p.stride + done);
            }
        }
    }

    template <class Change>
    void each(const Change& change) const {
        for (long row = first; row < last; ++row) {
            float* y = p.y + row * p.columns + column;
            for (long j = 0; j < panels * kOrderedPanel; ++j) y[j] = change(y[j], j);
        }
    }

    void rest() const {
        const float *shift = p.shift ? p.shift + column : nullptr, slope = p.slope;
        if (shift) each([=](float y, long j) { return y + shift[j]; });
        if (p.activation == Activation::relu) each([](float y, long) { return y < 0 ? 0 : y; });
        if (p.activation == Activation::leaky) each([=](float y, long) { return y > 0 ? y : y * slope; });
    }

    void nothing() const {  // no inputs at all
        for (long row = first; row < last; ++row)
            std::memcpy(p.y + row * p.columns + column, p.from + row * p.from_stride + column,
                        sizeof(float) * panels * kOrderedPanel);
    }
};

}  // namespace

const OrderedKernels& ordered_kernels() {
#if defined(__x86_64__) && defined(__GNUC__)
    const char* name = fast::kernels().name;
    if (!std::strcmp(name, "avx512")) return kAvx512Ordered;
    if (!std::strcmp(name, "avx2")) return kAvx2Ordered;
#endif
    return kPortableOrdered;
}

void OrderedProduct::run(long block) const {
    const long first = block / column_blocks() * kOrderedBlock, column = block % column_blocks() * 2 * kOrderedPanel;
    const long panels = std::min<long>(2, (columns - column) / kOrderedPanel);
    const Block job{*this, first, std::min(first + kOrderedBlock, rows), column, panels, ordered_kernels()};
    if (taps && depth) job.sums();
    else job.nothing();
    job.rest();
}

void run_ordered(const OrderedProduct& product, int threads) {
    fast::parallel(product.blocks(), threads, [&](long block, int) { product.run(block); });
}

}  // namespace tinify
