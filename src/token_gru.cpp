// SPDX-License-Identifier: Apache-2.0
#include "token_gru.hpp"

#include <algorithm>
#include <cmath>

#include "errors.hpp"

namespace tinify::tokens {

namespace {

constexpr int64_t kTotal = 65536;
constexpr int32_t kLargestBias = 1 << 24;

int whole(int count) { return (count + kPanel - 1) / kPanel * kPanel; }

void require(bool holds, const char* what) {
    if (!holds) throw InputError(what);
}

void check(const Layer& layer) {
    const size_t size = static_cast<size_t>(layer.rows) * static_cast<size_t>(layer.columns);
    require(std::all_of(layer.weight, layer.weight + size, [](int8_t w) { return w >= -127; }), "a weight is -128");
    require(std::all_of(layer.multiplier, layer.multiplier + layer.rows, [](int m) { return m >= 1 && m <= 2047; }),
            "a multiplier is not 1 to 2047");
    require(std::all_of(layer.bias, layer.bias + layer.rows, [](int b) { return std::abs(b) <= kLargestBias; }),
            "a bias is beyond 2^24");
    require(layer.shift >= 1 && layer.shift <= 24, "a shift is not 1 to 24");
}

}  // namespace

PackedMatrix::PackedMatrix(const Layer& layer, int32_t low)
    : columns_(layer.columns), rows_(whole(layer.rows)), shift_(layer.shift), low_(low), high_(layer.limit) {
    check(layer);
    const size_t columns = static_cast<size_t>(columns_), rows = static_cast<size_t>(rows_);
    panels_.resize(rows * columns);
    multiplier_.assign(rows, 1);
    bias_.assign(rows, 0);
    for (size_t r = 0; r < static_cast<size_t>(layer.rows); ++r) {
        for (size_t c = 0; c < columns; ++c)
            panels_[r / kPanel * kPanel * columns + c / 2 * 2 * kPanel + r % kPanel * 2 + c % 2] =
                layer.weight[r * columns + c];
        multiplier_[r] = layer.multiplier[r];
        bias_[r] = layer.bias[r];
    }
}

Matrix PackedMatrix::view() const {
    return {panels_.data(), multiplier_.data(), bias_.data(), columns_, rows_, shift_, low_, high_};
}

Gru::Gru(const Parts& parts) : levels_(parts.levels), codes_(parts.codes), hidden_(parts.hidden) {
    require(levels_ >= 1 && levels_ <= 4096 && codes_ >= 1 && codes_ <= 4096, "levels or codes are not 1 to 4096");
    require(hidden_ >= 16 && hidden_ <= 256 && hidden_ % 16 == 0, "hidden is not 16 to 256 in steps of 16");
    const size_t levels = static_cast<size_t>(levels_), codes = static_cast<size_t>(codes_);
    const size_t hidden = static_cast<size_t>(hidden_);
    require(parts.heads.size() == levels && parts.mixes.size() + 1 == levels, "a level lacks its layers");
    inputs_.assign(parts.inputs, parts.inputs + (levels * codes + 1 + levels) * 3 * hidden);
    depth_.assign(parts.depth, parts.depth + (levels - 1) * codes * hidden);
    sigmoid_.assign(parts.sigmoid, parts.sigmoid + kTable);
    tanh_.assign(parts.tanh, parts.tanh + kTable);
    for (int32_t value : sigmoid_) require(value >= 0 && value <= 1 << kSigmoidBits, "a sigmoid is not in [0, 1]");
    for (int32_t value : tanh_) require(value >= -kStateMax, "a hyperbolic tangent is below -1");
    recurrent_ = std::make_unique<PackedMatrix>(parts.recurrent, -parts.recurrent.limit);
    for (const Layer& layer : parts.mixes) mixes_.emplace_back(layer, -layer.limit);
    for (const Layer& layer : parts.heads) heads_.emplace_back(layer, -layer.limit);
}

Distribution::Distribution(int codes)
    : codes_(codes), weights_(static_cast<size_t>(whole(codes))), groups_(weights_.size() / kPanel) {}

void Distribution::set(const int32_t* logits) {
    logits_ = logits;
    largest_ = kernels().weights(logits, codes_, weights_.data(), groups_.data());
    total_ = 0;
    for (uint32_t group : groups_) total_ += group;
    scale_ = (static_cast<uint64_t>(kTotal - 1 - codes_) << 32) / total_;
}

Interval Distribution::of(int token) const {
    uint64_t sum = 0;
    int i = 0;
    for (int group = 0; group < token / kPanel; ++group, i += kPanel) sum += groups_[static_cast<size_t>(group)];
    for (; i < token; ++i) sum += weights_[static_cast<size_t>(i)];
    const uint32_t start = cdf(token, sum);
    return {start, cdf(token + 1, sum + weights_[static_cast<size_t>(token)]) - start};
}

int Distribution::find(uint32_t slot, Interval& found) const {
    uint64_t sum = 0;
    int code = 0;
    for (uint32_t group : groups_) {
        if (code + kPanel >= codes_ || cdf(code + kPanel, sum + group) > slot) break;
        sum += group;
        code += kPanel;
    }
    uint32_t start = cdf(code, sum);
    for (; code < codes_; ++code) {
        sum += weights_[static_cast<size_t>(code)];
        const uint32_t end = cdf(code + 1, sum);
        if (slot < end) {
            found = {start, end - start};
            return code;
        }
        start = end;
    }
    return -1;
}

float Distribution::scale_bits() const { return std::log2(static_cast<float>(total_) / 65536.0f); }

void Distribution::bits(float* out) const {
    const float least = scale_bits();
    for (int i = 0; i < codes_; ++i)
        out[i] = std::min(16.0f, least + static_cast<float>(largest_ - logits_[i]) * (1.0f / 1024));
}

int Distribution::nearest(const Search& search, const float* y, float weight) {
    costs_.resize(weights_.size());
    return kernels().nearest(search, y, logits_, largest_, scale_bits(), weight, costs_.data());
}

GruLanes::GruLanes(const Gru& gru, int lanes, int levels)
    : gru_(gru), lanes_(lanes), levels_(levels), room_(static_cast<size_t>(whole(gru.codes_))) {
    const size_t count = static_cast<size_t>(lanes), hidden = static_cast<size_t>(gru.hidden_);
    state_.assign(count * hidden, 0);
    own_.resize(count * 3 * hidden);
    logits_.resize(count * room_);
    tokens_.assign(count * static_cast<size_t>(levels), 0);
    if (levels > 1) {
        seen_.resize(count * hidden);
        mixed_.resize(count * hidden);
        coarse_.resize(count * hidden);
    }
}

void GruLanes::advance() {
    const Kernels& run = kernels();
    const size_t hidden = static_cast<size_t>(gru_.hidden_), width = 3 * hidden;
    const size_t start = static_cast<size_t>(gru_.levels_) * static_cast<size_t>(gru_.codes_);
    run.linear(gru_.recurrent_->view(), state_.data(), lanes_, own_.data());
    std::vector<const int16_t*> rows(static_cast<size_t>(levels_) + 1);
    rows[0] = gru_.inputs_.data() + (start + static_cast<size_t>(levels_)) * width;
    rows[1] = gru_.inputs_.data() + start * width;
    for (size_t lane = 0; lane < static_cast<size_t>(lanes_); ++lane) {
        for (size_t level = 0; !first_ && level < static_cast<size_t>(levels_); ++level) {
            const size_t token = static_cast<size_t>(tokens_[lane * static_cast<size_t>(levels_) + level]);
            rows[level + 1] = gru_.inputs_.data() + (level * static_cast<size_t>(gru_.codes_) + token) * width;
        }
        run.gates({gru_.sigmoid_.data(), gru_.tanh_.data()}, rows.data(), first_ ? 2 : levels_ + 1,
                  own_.data() + lane * width, gru_.hidden_, state_.data() + lane * hidden);
    }
    first_ = false;
    std::fill(coarse_.begin(), coarse_.end(), 0);
}

void GruLanes::predict(int level) {
    const Kernels& run = kernels();
    const int16_t* seen = state_.data();
    if (level > 0) {
        run.linear(gru_.mixes_[static_cast<size_t>(level) - 1].view(), state_.data(), lanes_, mixed_.data());
        for (size_t i = 0; i < seen_.size(); ++i)
            seen_[i] = static_cast<int16_t>(std::clamp(mixed_[i] + coarse_[i], 0, kStateMax));
        seen = seen_.data();
    }
    run.linear(gru_.heads_[static_cast<size_t>(level)].view(), seen, lanes_, logits_.data());
}

void GruLanes::take(int level, int lane, int token) {
    tokens_[static_cast<size_t>(lane) * static_cast<size_t>(levels_) + static_cast<size_t>(level)] = token;
    if (level + 1 == levels_) return;
    const size_t hidden = static_cast<size_t>(gru_.hidden_), code = static_cast<size_t>(token);
    const int16_t* row =
        gru_.depth_.data() + (static_cast<size_t>(level) * static_cast<size_t>(gru_.codes_) + code) * hidden;
    int32_t* coarse = coarse_.data() + static_cast<size_t>(lane) * hidden;
    for (size_t i = 0; i < hidden; ++i) coarse[i] += row[i];
}

}  // namespace tinify::tokens
