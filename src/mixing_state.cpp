// SPDX-License-Identifier: Apache-2.0
#include "mixing_state.hpp"

#include <algorithm>
#include <string>

#include "mixing_tables.hpp"

namespace tinify::mixing {

namespace {

constexpr int kSavedShift = 8;   // weights in 8 bits after the point
constexpr int kSavedLogit = 16;  // steps of a saved logit
constexpr int kLeastSeen = 2;    // what was seen less is not worth its bytes
constexpr int kMostSeen = 255;

int32_t start_weight(const Shape& shape, int input) {
    const int kinds = static_cast<int>(shape.contexts.size());
    if (input < 2 * kinds) return (3 << kWeightBits) / (10 * kinds);
    return input < 2 * kinds + shape.experts ? (1 << kWeightBits) / (2 * shape.experts) : 0;
}

void put(std::vector<uint8_t>& out, int32_t value) {
    out.push_back(static_cast<uint8_t>(value));
    out.push_back(static_cast<uint8_t>(value >> 8));
}

}  // namespace

State::State(const Shape& made) : shape(made) {
    uint32_t total = 0;
    for (const uint32_t size : shape.contexts) {
        first.push_back(total);
        total += size * kNodes;
    }
    counters.resize(total);
    for (int mixer = 0; mixer < 2; ++mixer) {
        weights[mixer].resize(static_cast<size_t>(shape.selectors[mixer]) * kNodes * kInputs);
        for (size_t i = 0; i < weights[mixer].size(); ++i) weights[mixer][i] = start_weight(shape, i % kInputs);
    }
}

// Logits, counts and how far weights are from their start: what was never used is zero and packs to nothing.
std::vector<uint8_t> State::save(int cap) const {
    std::vector<uint8_t> out;
    out.reserve(2 * counters.size() + 2 * (weights[0].size() + weights[1].size()));
    const Tables& t = tables();
    for (const Counter& c : counters)
        out.push_back(static_cast<uint8_t>(c.count < kLeastSeen ? 0 : t.stretch[c.slow >> 4] / kSavedLogit));
    for (const Counter& c : counters)
        out.push_back(static_cast<uint8_t>(c.count < kLeastSeen ? 0 : std::min({int{c.count}, cap, kMostSeen})));
    for (const auto& set : weights)
        for (size_t i = 0; i < set.size(); ++i) {
            if (static_cast<int>(i % kInputs) >= shape.inputs()) continue;
            put(out, std::clamp((set[i] - start_weight(shape, i % kInputs)) / (1 << kSavedShift), -32768, 32767));
        }
    return out;
}

void State::load(const uint8_t* data, size_t size) {
    size_t expected = 2 * counters.size();
    for (const auto& set : weights) expected += 2 * set.size() / kInputs * shape.inputs();
    if (size != expected)
        throw FormatError("a mixing state of " + std::to_string(size) + " bytes; this model has " +
                          std::to_string(expected));
    const auto take = [&] {
        const auto value = static_cast<int16_t>(data[0] | data[1] << 8);
        data += 2;
        return int32_t{value};
    };
    const Tables& t = tables();
    for (Counter& c : counters) {
        const int logit = static_cast<int8_t>(*data++) * kSavedLogit;
        c.slow = c.fast = logit ? t.squash[std::clamp(logit, -kLogitLimit, kLogitLimit) + 2048] : 32768;
    }
    for (Counter& c : counters) c.count = *data++;
    for (auto& set : weights)
        for (size_t i = 0; i < set.size(); ++i) {
            if (static_cast<int>(i % kInputs) >= shape.inputs()) continue;
            const int32_t value = start_weight(shape, i % kInputs) + take() * (1 << kSavedShift);
            set[i] = std::clamp(value, -kWeightLimit, kWeightLimit);
        }
}

}  // namespace tinify::mixing
