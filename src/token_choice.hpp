// SPDX-License-Identifier: Apache-2.0
// Tokens of vectors by residual quantization, each chosen by its squared error and the bits that it costs after those
// chosen before it. Floats: what is chosen may differ between machines, and decoding does not depend on it.
#pragma once

#include "token_string.hpp"

namespace tinify::tokens {

class Codebook {
public:
    Codebook(const float* codes, int count, int dim);  // [count][dim]
    Search view() const;
    const float* code(int token) const { return codes_.data() + static_cast<size_t>(token) * static_cast<size_t>(dim_); }

private:
    int count_, dim_, room_;
    std::vector<float> codes_, columns_, halves_;
};

// y: [sequence][step][dim]; out: [sequence][step][level]. Least |y - c|^2 + lmbda * bits. Returns the tokens' string.
Bytes choose(const Gru&, const float* y, int dim, const Shape&, const std::vector<Codebook>&, float lmbda, int32_t* out,
             int threads);

}  // namespace tinify::tokens
