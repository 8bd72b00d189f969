// SPDX-License-Identifier: Apache-2.0
// Strings of tokens under a GRU. Each sequence is a range coder stream of its own, so some can be read without the rest:
//     check (4 bytes, of all tokens) | least length (varint) | width (1 byte) | length - least, `width` bits each, low
//     bits first, filled up to a byte | streams
// No sequences or no steps: an empty string.
#pragma once

#include "range_state.hpp"
#include "side.hpp"
#include "token_walk.hpp"

namespace tinify::tokens {

// The string of streams, one for each sequence, and of the tokens in them.
Bytes assemble(const int32_t* tokens, const Shape&, std::vector<RangeWriter>& writers);

// Tokens are int32 [sequence][step][level]. Threads share the sequences out; bytes do not depend on them.
Bytes encode(const Gru&, const int32_t* tokens, const Shape&, int threads);

// Tokens of the sequences [first, first + count) of `shape.sequences`. All of them are checked against the check, some
// against the ends of their streams only.
std::vector<int32_t> decode(const Gru&, const uint8_t* data, size_t size, const Shape& shape, size_t first, size_t count,
                            int threads);

// start | freq << 16 of each token.
void intervals(const Gru&, const int32_t* tokens, const Shape&, uint32_t* out, int threads);

}  // namespace tinify::tokens
