// SPDX-License-Identifier: Apache-2.0
// Sequences in groups over threads, and a group through all its tokens. What comes out does not depend on the groups.
#pragma once

#include <algorithm>
#include <exception>
#include <mutex>

#include "fast_threads.hpp"
#include "token_gru.hpp"

namespace tinify::tokens {

struct Shape {
    size_t sequences, steps, levels;
    size_t each() const { return steps * levels; }
    size_t tokens() const { return sequences * each(); }
};

constexpr size_t kMostLanes = 32;

// Runs work(first, lanes) over groups of sequences; of several errors the first group's is thrown.
template <class Work>
void by_groups(size_t sequences, int threads, const Work& work) {
    const size_t share = (sequences + static_cast<size_t>(threads) - 1) / static_cast<size_t>(threads);
    const size_t lanes = std::clamp<size_t>((share + 3) / 4 * 4, 4, kMostLanes);
    const size_t groups = (sequences + lanes - 1) / lanes;
    std::mutex guard;
    std::exception_ptr error;
    long failed = -1;
    fast::parallel(static_cast<long>(groups), threads, [&](long group, int) {
        const size_t first = static_cast<size_t>(group) * lanes;
        try {
            work(first, std::min(lanes, sequences - first));
        } catch (...) {
            const std::lock_guard<std::mutex> lock(guard);
            if (failed < 0 || group < failed) error = std::current_exception(), failed = group;
        }
    });
    if (error) std::rethrow_exception(error);
}

// Walks a group through all its tokens: visit(lane, position in its sequence, distribution) gives each token.
template <class Visit>
void walk(const Gru& gru, size_t lanes, const Shape& shape, const Visit& visit) {
    GruLanes group(gru, static_cast<int>(lanes), static_cast<int>(shape.levels));
    Distribution distribution(gru.codes());
    for (size_t step = 0; step < shape.steps; ++step) {
        group.advance();
        for (size_t level = 0; level < shape.levels; ++level) {
            group.predict(static_cast<int>(level));
            for (size_t lane = 0; lane < lanes; ++lane) {
                distribution.set(group.logits(static_cast<int>(lane)));
                const int token = visit(lane, step * shape.levels + level, distribution);
                group.take(static_cast<int>(level), static_cast<int>(lane), token);
            }
        }
    }
}

}  // namespace tinify::tokens
