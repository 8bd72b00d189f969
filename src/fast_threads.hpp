// SPDX-License-Identifier: Apache-2.0
// Blocks of work over a few threads. The blocks do not depend on the number of threads, so neither do the results.
#pragma once

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

namespace tinify::fast {

// Runs work(block, worker) for each block in [0, blocks); worker in [0, threads) names a scratch buffer to use.
template <class Work>
void parallel(long blocks, int threads, const Work& work) {
    std::atomic<long> next{0};
    const auto run = [&](int worker) {
        for (long block = next++; block < blocks; block = next++) work(block, worker);
    };
    std::vector<std::thread> others;
    try {
        for (int worker = 1; worker < threads && worker < blocks; ++worker) others.emplace_back(run, worker);
    } catch (const std::system_error&) {
        // No more threads to be had: those that run share the blocks.
    }
    run(0);
    for (auto& thread : others) thread.join();
}

}  // namespace tinify::fast
