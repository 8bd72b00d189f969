// SPDX-License-Identifier: Apache-2.0
// Threads that stay, for many short pieces of work one after the other.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tinify {

// One thread calls `run`, the others help. Each has a share of the blocks that is the same from piece to piece where
// their number is, so that what it reads stays in its own cache; who is done takes what is left of others'. So a
// helper that gets no processor holds nothing up.
class Crew {
public:
    explicit Crew(int threads) : shares_(static_cast<size_t>(threads < 1 ? 1 : threads)) {
        try {
            for (size_t i = 1; i < shares_.size(); ++i) helpers_.emplace_back([this, i] { help(i); });
        } catch (const std::system_error&) {
            // No more threads to be had: those that run take the blocks.
        }
    }
    Crew(const Crew&) = delete;
    ~Crew() {
        stopped_ = true;
        wake();
        for (auto& helper : helpers_) helper.join();
    }

    // Runs work(block) for each block in [0, blocks).
    template <class Work>
    void run(long blocks, const Work& work) {
        if (helpers_.empty() || blocks < 2) {
            for (long block = 0; block < blocks; ++block) work(block);
            return;
        }
        call_ = [](const void* w, long block) { (*static_cast<const Work*>(w))(block); };
        work_ = &work;
        const long count = static_cast<long>(shares_.size());
        for (long i = 0; i < count; ++i) {
            shares_[i].next = blocks * i / count;
            shares_[i].end = blocks * (i + 1) / count;
        }
        ++piece_;  // odd: open
        wake();
        take(0);
        ++piece_;
        // All blocks are taken; who took one is still inside until it is done.
        for (long spins = 0; inside_.load(); ++spins) pause(spins);
    }

private:
    struct alignas(128) Share {
        std::atomic<long> next{0};
        long end = 0;
    };

    void take(size_t mine) {
        for (size_t i = 0; i < shares_.size(); ++i) {
            Share& share = shares_[(mine + i) % shares_.size()];
            while (share.next.load(std::memory_order_relaxed) < share.end) {
                const long block = share.next++;
                if (block < share.end) call_(work_, block);
            }
        }
    }

    void help(size_t mine) {
        for (long seen = 0; !stopped_;) {
            const long piece = wait(seen);
            if (piece % 2 == 0) continue;
            ++inside_;
            // Shares are set anew only while nobody is inside and the piece is closed.
            if (piece_.load() == piece) {
                take(mine);
                seen = piece;
            }
            --inside_;
        }
    }

    // A piece that is open and not `seen`, or an even number when all ends.
    long wait(long seen) {
        const auto ready = [&](long piece) { return (piece % 2 && piece != seen) || stopped_; };
        for (long spins = 0; spins < kPatience; ++spins) {
            const long piece = piece_.load();
            if (ready(piece)) return stopped_ ? 0 : piece;
            pause(spins);
        }
        std::unique_lock lock(mutex_);
        ++sleeping_;
        woken_.wait(lock, [&] { return ready(piece_.load()); });
        --sleeping_;
        return stopped_ ? 0 : piece_.load();
    }

    void wake() {
        if (!sleeping_.load()) return;
        std::lock_guard lock(mutex_);
        woken_.notify_all();
    }

    static void pause(long spins) {
        if (spins % 1024 == 1023) return std::this_thread::yield();
#if defined(__x86_64__)
        _mm_pause();
#endif
    }

    static constexpr long kPatience = 20000;  // about a millisecond
    std::vector<Share> shares_;
    std::atomic<long> piece_{0};
    std::atomic<int> inside_{0}, sleeping_{0};
    std::atomic<bool> stopped_{false};
    void (*call_)(const void*, long) = nullptr;
    const void* work_ = nullptr;
    std::mutex mutex_;
    std::condition_variable woken_;
    std::vector<std::thread> helpers_;
};

}  // namespace tinify
