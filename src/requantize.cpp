// SPDX-License-Identifier: Apache-2.0
#include "requantize.hpp"

#include <algorithm>
#include <cstdlib>
#include <queue>

#include "log2.hpp"

namespace tinify {

namespace {

using Entry = std::pair<int64_t, int>;  // gain or loss, then bin: ties go to one bin on every machine

int64_t step(uint32_t weight, uint32_t count) {  // bits saved by count -> count + 1
    return static_cast<int64_t>(weight) * (log2_fixed(count + 1) - log2_fixed(count));
}

class Counts {
public:
    explicit Counts(const std::vector<uint32_t>& weights) : weights_(weights), counts_(weights.size()) {
        uint64_t total = 0;
        for (uint32_t w : weights) total += w;
        for (size_t i = 0; i < weights.size(); ++i) {
            counts_[i] = static_cast<uint16_t>(std::max<uint64_t>(1, weights[i] * uint64_t{kFastTotal} / total));
            sum_ += counts_[i];
        }
        for (size_t i = 0; i < counts_.size(); ++i) offer(static_cast<int>(i));
    }

    // The objective is separable and concave, so moving single counts by their gain ends at the optimum.
    std::vector<uint16_t> settle() {
        while (sum_ < kFastTotal) change(best_gain(), +1);
        while (sum_ > kFastTotal) change(least_loss(), -1);
        while (counts_.size() > 1) {
            const int to = best_gain(), from = least_loss();
            if (from < 0 || to == from || step(weights_[to], counts_[to]) <= step(weights_[from], counts_[from] - 1u))
                break;
            change(from, -1);
            change(to, +1);
        }
        return counts_;
    }

private:
    void offer(int bin) {
        gains_.push({step(weights_[bin], counts_[bin]), -bin});
        if (counts_[bin] > 1) losses_.push({-step(weights_[bin], counts_[bin] - 1u), -bin});
    }
    void change(int bin, int by) {
        counts_[bin] = static_cast<uint16_t>(counts_[bin] + by);
        sum_ += static_cast<uint32_t>(by);
        offer(bin);
    }
    int best_gain() {  // entries that a later change made stale are dropped here
        while (gains_.top().first != step(weights_[-gains_.top().second], counts_[-gains_.top().second])) gains_.pop();
        return -gains_.top().second;
    }
    int least_loss() {
        while (!losses_.empty()) {
            const int bin = -losses_.top().second;
            if (counts_[bin] > 1 && losses_.top().first == -step(weights_[bin], counts_[bin] - 1u)) return bin;
            losses_.pop();
        }
        return -1;
    }

    const std::vector<uint32_t>& weights_;
    std::vector<uint16_t> counts_;
    uint32_t sum_ = 0;
    std::priority_queue<Entry> gains_, losses_;
};

// Bits, times 2^kLogBits, of an escaped value in the side section.
int64_t escape_bits(int64_t value) { return int64_t{std::llabs(value) < 64 ? 8 : 16} << kLogBits; }

struct Groups {
    int64_t first;                  // v >> shift of the first value
    std::vector<uint32_t> weights;  // by (v >> shift) - first
};

Groups group(const Tables& tables, const Row& row, int shift) {
    const uint32_t* starts = tables.starts(row);
    Groups groups{static_cast<int64_t>(row.offset) >> shift, {}};
    for (int32_t bin = 0; bin < row.escape; ++bin) {
        const size_t at = static_cast<size_t>(((static_cast<int64_t>(row.offset) + bin) >> shift) - groups.first);
        if (at >= groups.weights.size()) groups.weights.resize(at + 1, 0);
        groups.weights[at] += starts[bin + 1] - starts[bin];
    }
    return groups;
}

// The row split at `shift`, with groups of at most `threshold` counts left to the escape; false if it does not fit.
bool try_split(const Groups& groups, uint32_t escape_weight, int shift, uint32_t threshold, FastRow& out) {
    int64_t low = -1, high = -1, side = 0;
    std::vector<uint32_t> weights;
    uint32_t escaped = escape_weight;
    const int64_t size = static_cast<int64_t>(groups.weights.size());
    for (int64_t i = 0; i < size; ++i) {
        const uint32_t w = groups.weights[i];
        if (w > threshold) {
            weights.push_back(w);
            low = low < 0 ? i : low;
            high = i;
        } else {
            escaped += w;
            side += w * escape_bits((groups.first + i) * (int64_t{1} << shift));
        }
    }
    if (high - low >= kMaxSpan) return false;
    weights.push_back(escaped);
    const std::vector<uint16_t> counts = optimal_counts(weights);

    const int64_t from = groups.first + std::max<int64_t>(low, 0), to = groups.first + std::max<int64_t>(high, 0);
    out = FastRow{};
    out.shift = shift;
    out.anchor = from >= -127 && to <= 127 ? 0 : static_cast<int32_t>(from + (to - from) / 2);
    int64_t bits = side + escaped * (int64_t{kFastPrecision} << kLogBits);
    bits -= escaped * int64_t{log2_fixed(counts.back())};
    size_t next = 0;
    for (int64_t i = 0; i < size; ++i) {
        const uint32_t w = groups.weights[i];
        if (w <= threshold) continue;
        out.freq[(groups.first + i - out.anchor) & 255] = counts[next];
        bits += w * ((int64_t{kFastPrecision + static_cast<uint32_t>(shift)} << kLogBits) - log2_fixed(counts[next++]));
    }
    out.freq[128] = counts.back();
    out.excess = bits;
    return true;
}

int64_t entropy_of(const Tables& tables, const Row& row) {
    const uint32_t* starts = tables.starts(row);
    int64_t bits = 0;
    for (int32_t bin = 0; bin <= row.escape; ++bin) {
        const uint32_t w = starts[bin + 1] - starts[bin];
        bits += w * ((int64_t{kPrecision} << kLogBits) - log2_fixed(w));
    }
    return bits;
}

}  // namespace

std::vector<uint16_t> optimal_counts(const std::vector<uint32_t>& weights) { return Counts(weights).settle(); }

bool requantize(const Tables& tables, const Row& row, FastRow& out) {
    const uint32_t* starts = tables.starts(row);
    const uint32_t escape_weight = starts[row.escape + 1] - starts[row.escape];
    const int64_t entropy = entropy_of(tables, row);
    bool found = false;
    for (int shift = 0; shift <= 12; ++shift) {
        const Groups groups = group(tables, row, shift);
        const size_t size = groups.weights.size();
        if (shift > 0 && size < 40) break;  // coarser splits only lose from here on
        if (size > 4 * kMaxSpan) continue;
        for (uint32_t threshold = 0; threshold <= 1; ++threshold) {
            FastRow candidate;
            if (!try_split(groups, escape_weight, shift, threshold, candidate)) continue;
            candidate.excess -= entropy;
            candidate.entropy = entropy;
            if (!found || candidate.excess < out.excess) out = candidate;
            found = true;
        }
    }
    return found;
}

}  // namespace tinify
