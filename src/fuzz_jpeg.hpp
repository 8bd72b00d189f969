// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>

// Scans of random blocks under random tables and parameters, possible or not, and contexts of random neighbours.
void fuzz_jpeg(std::mt19937_64& random_bits, int64_t rounds);
