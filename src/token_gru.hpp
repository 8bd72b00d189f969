// SPDX-License-Identifier: Apache-2.0
// A GRU over tokens in integers: for each sequence, tables of the next token from those before it. The reference, equal
// bit for bit, is tinify/entropy_models/gru.py.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "token_kernels.hpp"

namespace tinify::tokens {

// One integer layer as Python holds it: weights [rows][columns] in [-127, 127], multiplier in [1, 2047], shift 1 to 24.
struct Layer {
    const int8_t* weight;
    const int16_t* multiplier;
    const int32_t* bias;
    int rows, columns, shift;
    int32_t limit;
};

class PackedMatrix {
public:
    PackedMatrix(const Layer&, int32_t low);
    Matrix view() const;

private:
    std::vector<int16_t> panels_;
    std::vector<int32_t> multiplier_, bias_;
    int columns_, rows_, shift_;
    int32_t low_, high_;
};

class Gru {
public:
    // inputs: (levels * codes + 1 + levels, 3 * hidden); depth: (levels - 1, codes, hidden); a mix for each level but the
    // first, a head for each; tables of activations, kTable entries each.
    struct Parts {
        int levels, codes, hidden;
        const int16_t *inputs, *depth, *sigmoid, *tanh;
        Layer recurrent;
        std::vector<Layer> mixes, heads;
    };
    explicit Gru(const Parts&);

    int levels() const { return levels_; }
    int codes() const { return codes_; }
    int hidden() const { return hidden_; }

private:
    friend class GruLanes;
    int levels_, codes_, hidden_;
    std::vector<int16_t> inputs_, depth_;
    std::vector<int32_t> sigmoid_, tanh_;
    std::unique_ptr<PackedMatrix> recurrent_;
    std::vector<PackedMatrix> mixes_, heads_;
};

// The distribution of one token. With the weights w and their sum S: cdf(k) = k + floor(scale * sum_{i<k} w_i / 2^32).
struct Interval {
    uint32_t start, freq;
};

class Distribution {
public:
    explicit Distribution(int codes);
    void set(const int32_t* logits);
    Interval of(int token) const;
    int find(uint32_t slot, Interval& found) const;  // -1 where the slot is beyond all codes
    void bits(float* out) const;                     // of each code, up to float rounding
    int nearest(const Search&, const float* y, float weight);  // the code of least |y - c|^2 / 2 + weight * bits

private:
    uint32_t cdf(int code, uint64_t sum) const { return static_cast<uint32_t>(code) + static_cast<uint32_t>(sum * scale_ >> 32); }
    int codes_;
    uint64_t scale_ = 0, total_ = 0;
    int32_t largest_ = 0;
    float scale_bits() const;
    const int32_t* logits_ = nullptr;
    std::vector<float> costs_;
    std::vector<uint32_t> weights_, groups_;
};

// Some sequences that advance together. Each step: `advance`, then for each level `predict` and `take`.
class GruLanes {
public:
    GruLanes(const Gru&, int lanes, int levels);
    void advance();
    void predict(int level);
    const int32_t* logits(int lane) const { return logits_.data() + static_cast<size_t>(lane) * room_; }
    void take(int level, int lane, int token);

private:
    const Gru& gru_;
    int lanes_, levels_;
    size_t room_;
    bool first_ = true;
    std::vector<int16_t> state_, seen_;
    std::vector<int32_t> own_, mixed_, logits_, coarse_, tokens_;
};

}  // namespace tinify::tokens
