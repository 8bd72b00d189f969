// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

// Random networks and tokens, round trips and hostile strings; aborts at the first failure.
void fuzz_tokens(std::mt19937_64& random_bits, int64_t rounds);
