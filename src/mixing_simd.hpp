// SPDX-License-Identifier: Apache-2.0
// All of context mixing for one instruction set: define TINIFY_SIMD, its namespace, and include this.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "mixing_jobs.hpp"
#include "mixing_tables.hpp"

namespace tinify::mixing::TINIFY_SIMD {

#include "mixing_mixer.hpp"
#include "mixing_integer.hpp"
#include "mixing_grid.hpp"
#include "mixing_blocks.hpp"
#include "mixing_picture.hpp"

constexpr int kCheckBits = 16;

// A check of all values, so that other weights or bytes do not go unnoticed. Source: Fowler, Noll, Vo (FNV-1a).
inline uint32_t check_of(const int32_t* values, size_t count) {
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < count; ++i) hash = (hash ^ static_cast<uint32_t>(values[i])) * 16777619u;
    return (hash ^ hash >> 16) & ((1u << kCheckBits) - 1);
}

template <template <class> class Coder, class AJob>
void run(AJob& job, size_t count) {
    if (job.mode == Mode::decode) {
        BitReader bits(job.bytes, job.size);
        Coder<BitReader>(job, bits).run();
        uint32_t check = 0;
        for (int i = 0; i < kCheckBits; ++i) check = check << 1 | static_cast<uint32_t>(bits.code(0, 32768));
        if (check != check_of(job.values, count) || bits.beyond() > 8)
            throw DesyncError("the stream does not end as it should: it is damaged, or the weights are others");
    } else if (job.mode == Mode::encode) {
        BitWriter bits;
        Coder<BitWriter>(job, bits).run();
        const uint32_t check = check_of(job.values, count);
        for (int i = kCheckBits - 1; i >= 0; --i) bits.code(check >> i & 1, 32768);
        job.out = bits.finish();
    } else if (job.mode == Mode::cost) {
        BitCounter bits;
        Coder<BitCounter>(job, bits).run();
        job.bits = bits.bits();
    } else {
        BitLearner bits;
        Coder<BitLearner>(job, bits).run();
    }
}

inline void grid(GridJob& job) { run<GridCoder>(job, static_cast<size_t>(job.rows * job.channels)); }
inline void blocks(BlockJob& job) { run<BlockCoder>(job, static_cast<size_t>(job.blocks * job.channels * job.length)); }
inline void picture(PictureJob& job) {
    run<PictureCoder>(job, static_cast<size_t>(job.components * job.height * job.width));
}

}  // namespace tinify::mixing::TINIFY_SIMD
