// SPDX-License-Identifier: Apache-2.0
#include "changes.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "fast_threads.hpp"

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define TINIFY_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TINIFY_CLONES
#endif

namespace tinify {

namespace {

constexpr size_t kLanes = 64, kPiece = size_t{1} << 20;  // bytes
constexpr uint32_t kFactor = 0x9E3779B1u;                // odd: each step can be undone
constexpr uint64_t kWide = 0x9E3779B97F4A7C15u;

// Each lane takes every 64th word in turn.
TINIFY_CLONES void mix(const uint32_t* words, size_t rows, uint32_t* lanes) {
    uint32_t now[kLanes];
    std::memcpy(now, lanes, sizeof now);
    for (size_t row = 0; row < rows; ++row, words += kLanes)
        for (size_t i = 0; i < kLanes; ++i) now[i] = (now[i] ^ words[i]) * kFactor;
    std::memcpy(lanes, now, sizeof now);
}

uint64_t piece_digest(const uint8_t* data, size_t size) {
    uint32_t lanes[kLanes] = {}, last[kLanes] = {};
    const size_t row = sizeof lanes, rows = size / row;
    mix(reinterpret_cast<const uint32_t*>(data), rows, lanes);
    std::memcpy(last, data + rows * row, size - rows * row);
    mix(last, 1, lanes);
    uint64_t all = size;
    for (uint32_t lane : lanes) all = (all ^ (all >> 29) ^ lane) * kWide;
    return all;
}

}  // namespace

uint64_t digest(const void* data, size_t size, int threads) {
    const size_t pieces = std::max<size_t>(1, (size + kPiece - 1) / kPiece);
    std::vector<uint64_t> found(pieces);
    fast::parallel(static_cast<long>(pieces), threads, [&](long piece, int) {
        const size_t begin = static_cast<size_t>(piece) * kPiece;
        found[piece] = piece_digest(static_cast<const uint8_t*>(data) + begin, std::min(kPiece, size - begin));
    });
    uint64_t all = size;
    for (uint64_t piece : found) all = (all ^ (all >> 29) ^ piece) * kWide;
    return all;
}

}  // namespace tinify
