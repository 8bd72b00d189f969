// SPDX-License-Identifier: Apache-2.0
// What context mixing learns: adaptive probabilities by context, and the weights of their mixture.
#pragma once

#include <cstdint>
#include <vector>

#include "errors.hpp"

namespace tinify::mixing {

constexpr int kNodes = 32;       // binary decisions of an integer, see mixing_integer.hpp
constexpr int kInputs = 32;      // of a mixture, padded for vectors
constexpr int kMostContexts = 12, kMostExperts = 6;
constexpr int kWeightBits = 16;  // a weight of 1
constexpr int32_t kWeightLimit = 1 << 19;

struct Counter {
    uint16_t slow = 32768, fast = 32768, count = 0, spare = 0;
};

// How many contexts of each kind there are, how many experts, and how many sets of weights each of the two mixers has.
struct Shape {
    std::vector<uint32_t> contexts;
    int experts;
    uint32_t selectors[2];

    int inputs() const { return 2 * static_cast<int>(contexts.size()) + experts + 1; }
};

struct State {
    explicit State(const Shape& shape);

    Shape shape;
    std::vector<uint32_t> first;        // counter of each kind of context
    std::vector<Counter> counters;      // [kind][context][node]
    std::vector<int32_t> weights[2];    // [selector][node][kInputs]

    // Logits and counts (cut to `cap`) as bytes, weights as little-endian 16-bit numbers; and back. FormatError.
    std::vector<uint8_t> save(int cap) const;
    void load(const uint8_t* data, size_t size);
};

}  // namespace tinify::mixing
