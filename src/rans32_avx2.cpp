// SPDX-License-Identifier: Apache-2.0
#include "rans32_kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include <cstring>

#include "checksum.hpp"

#define TINIFY_AVX2 __attribute__((target("avx2,popcnt")))
#define TINIFY_AVX2_INLINE __attribute__((target("avx2,popcnt"), always_inline)) inline

namespace tinify {

namespace {

// For each set of lanes that take or give a word: where each lane's word is (expand), and which bytes of eight 16-bit
// words are kept, moved to the high end (compress).
struct Permutations {
    alignas(32) uint8_t expand[256][8];
    alignas(32) uint8_t compress[256][16];
    Permutations() {
        for (int mask = 0; mask < 256; ++mask) {
            int taken = 0;
            for (int lane = 0; lane < 8; ++lane) {
                expand[mask][lane] = static_cast<uint8_t>(taken);
                taken += mask >> lane & 1;
            }
            int at = 8 - taken;
            std::memset(compress[mask], 0x80, 16);
            for (int lane = 0; lane < 8; ++lane)
                if (mask >> lane & 1) {
                    compress[mask][2 * at] = static_cast<uint8_t>(2 * lane);
                    compress[mask][2 * at++ + 1] = static_cast<uint8_t>(2 * lane + 1);
                }
        }
    }
};
const Permutations permutations;

TINIFY_AVX2_INLINE __m256i load8(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
TINIFY_AVX2_INLINE void store8(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }

TINIFY_AVX2_INLINE __m256i encode_step(__m256i x, __m256i item, uint16_t*& words) {
    const __m256i freq = _mm256_and_si256(item, _mm256_set1_epi32(0xFFFF)), start = _mm256_srli_epi32(item, 16);
    const __m256i kept = _mm256_cmpgt_epi32(freq, _mm256_srli_epi32(x, 19));
    const unsigned full = 0xFF ^ static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(kept)));
    const __m256i low = _mm256_and_si256(x, _mm256_set1_epi32(0xFFFF));
    const __m128i halves = _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    const __m128i order = _mm_load_si128(reinterpret_cast<const __m128i*>(permutations.compress[full]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words - 8), _mm_shuffle_epi8(halves, order));
    words -= _mm_popcnt_u32(full);
    x = _mm256_blendv_epi8(_mm256_srli_epi32(x, 16), x, kept);

    // x / freq < 2^19 comes out of single precision within one of the quotient; the remainder says which.
    const __m256 ratio = _mm256_div_ps(_mm256_cvtepi32_ps(x), _mm256_cvtepi32_ps(freq));
    __m256i q = _mm256_cvttps_epi32(ratio);
    const __m256i remainder = _mm256_sub_epi32(x, _mm256_mullo_epi32(q, freq));
    q = _mm256_add_epi32(q, _mm256_srai_epi32(remainder, 31));
    const __m256i under = _mm256_cmpgt_epi32(freq, remainder);
    q = _mm256_add_epi32(q, _mm256_add_epi32(under, _mm256_set1_epi32(1)));
    const __m256i gap = _mm256_sub_epi32(_mm256_set1_epi32(4096), freq);
    return _mm256_add_epi32(_mm256_add_epi32(x, start), _mm256_mullo_epi32(q, gap));
}

template <int Vectors>
TINIFY_AVX2 uint16_t* encode_vectors(const uint32_t* items, size_t count, uint32_t* states, uint16_t* words) {
    __m256i x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = load8(states + 8 * v);
    for (size_t i = count; i > 0; i -= 8 * Vectors)
#pragma GCC unroll 8
        for (int v = Vectors - 1; v >= 0; --v) x[v] = encode_step(x[v], load8(items + i - 8 * (Vectors - v)), words);
    for (int v = 0; v < Vectors; ++v) store8(states + 8 * v, x[v]);
    return words;
}

TINIFY_AVX2 uint16_t* encode(const uint32_t* items, size_t count, uint32_t* states, uint32_t lanes, uint16_t* words) {
    switch (lanes) {
        case 8: return encode_vectors<1>(items, count, states, words);
        case 16: return encode_vectors<2>(items, count, states, words);
        case 32: return encode_vectors<4>(items, count, states, words);
        case 64: return encode_vectors<8>(items, count, states, words);
        default: return kScalarKernels.encode(items, count, states, lanes, words);
    }
}

TINIFY_AVX2_INLINE __m256i gather(const void* table, __m256i at) {
    // Real gathers are slow where microcode repairs them, and no faster elsewhere.
    const uint32_t* slots = static_cast<const uint32_t*>(table);
    const __m128i low = _mm256_castsi256_si128(at), high = _mm256_extracti128_si256(at, 1);
    const uint64_t a = _mm_cvtsi128_si64(low), b = _mm_extract_epi64(low, 1);
    const uint64_t c = _mm_cvtsi128_si64(high), d = _mm_extract_epi64(high, 1);
    __m128i l = _mm_cvtsi32_si128(slots[static_cast<uint32_t>(a)]);
    l = _mm_insert_epi32(l, slots[a >> 32], 1);
    l = _mm_insert_epi32(l, slots[static_cast<uint32_t>(b)], 2);
    l = _mm_insert_epi32(l, slots[b >> 32], 3);
    __m128i h = _mm_cvtsi32_si128(slots[static_cast<uint32_t>(c)]);
    h = _mm_insert_epi32(h, slots[c >> 32], 1);
    h = _mm_insert_epi32(h, slots[static_cast<uint32_t>(d)], 2);
    h = _mm_insert_epi32(h, slots[d >> 32], 3);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(l), h, 1);
}

TINIFY_AVX2_INLINE __m256i decode_step(__m256i x, const uint32_t* slots, const uint16_t* rows, const uint8_t*& p,
                                       int32_t* out) {
    const __m256i low12 = _mm256_set1_epi32(4095);
    const __m256i row = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows)));
    const __m256i at = _mm256_or_si256(_mm256_slli_epi32(row, 12), _mm256_and_si256(x, low12));
    const __m256i slot = gather(slots, at);
    const __m256i freq = _mm256_sub_epi32(_mm256_and_si256(slot, low12), _mm256_set1_epi32(-1));
    const __m256i rest = _mm256_and_si256(_mm256_srli_epi32(slot, 12), low12);
    x = _mm256_add_epi32(_mm256_mullo_epi32(freq, _mm256_srli_epi32(x, 12)), rest);

    const __m256i need = _mm256_cmpgt_epi32(_mm256_set1_epi32(kRans32Low), x);
    const unsigned mask = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(need)));
    const __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m128i order = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(permutations.expand[mask]));
    const __m256i mine = _mm256_permutevar8x32_epi32(words, _mm256_cvtepu8_epi32(order));
    x = _mm256_blendv_epi8(x, _mm256_or_si256(_mm256_slli_epi32(x, 16), mine), need);
    p += 2 * _mm_popcnt_u32(mask);

    store8(out, _mm256_srai_epi32(slot, 24));
    return x;
}

template <int Vectors>
TINIFY_AVX2 size_t decode_vectors(const uint32_t* slots, const uint16_t* rows, size_t count, uint32_t* states,
                                  const uint8_t*& next, const uint8_t* end, int32_t* out) {
    __m256i x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = load8(states + 8 * v);
    const uint8_t* p = next;
    size_t i = 0;
    // A load of eight words may reach 14 bytes beyond the last word that the round takes.
    for (; i + 8 * Vectors <= count && end - p >= 16 * Vectors + 16; i += 8 * Vectors)
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v)
            x[v] = decode_step(x[v], slots, rows + i + 8 * v, p, out + i + 8 * v);
    for (int v = 0; v < Vectors; ++v) store8(states + 8 * v, x[v]);
    next = p;
    return i;
}

// One vector alone waits for itself, so eight lanes are faster as scalars.
TINIFY_AVX2 size_t decode(const uint32_t* slots, const uint16_t* rows, size_t count, uint32_t* states, uint32_t lanes,
                          const uint8_t*& next, const uint8_t* end, int32_t* out) {
    switch (lanes) {
        case 16: return decode_vectors<2>(slots, rows, count, states, next, end, out);
        case 32: return decode_vectors<4>(slots, rows, count, states, next, end, out);
        case 64: return decode_vectors<8>(slots, rows, count, states, next, end, out);
        default: return kScalarKernels.decode(slots, rows, count, states, lanes, next, end, out);
    }
}

TINIFY_AVX2_INLINE bool any_from(__m128i rows, uint32_t first) {
    const __m128i limit = _mm_set1_epi16(static_cast<short>(first));
    return !_mm_testz_si128(_mm_cmpeq_epi16(_mm_max_epu16(rows, limit), rows), _mm_set1_epi16(-1));
}

// For eight widths: where each begins when they are laid end to end; the last one's end in `total`.
TINIFY_AVX2_INLINE __m256i begins(__m256i widths, int& total) {
    __m256i sum = _mm256_add_epi32(widths, _mm256_slli_si256(widths, 4));
    sum = _mm256_add_epi32(sum, _mm256_slli_si256(sum, 8));
    const __m256i carry = _mm256_permutevar8x32_epi32(sum, _mm256_set1_epi32(3));
    sum = _mm256_add_epi32(sum, _mm256_blend_epi32(_mm256_setzero_si256(), carry, 0xF0));
    total = _mm256_extract_epi32(sum, 7);
    return _mm256_sub_epi32(sum, widths);
}

TINIFY_AVX2_INLINE __m256i low_lanes(__m256i v) { return _mm256_cvtepu32_epi64(_mm256_castsi256_si128(v)); }
TINIFY_AVX2_INLINE __m256i high_lanes(__m256i v) { return _mm256_cvtepu32_epi64(_mm256_extracti128_si256(v, 1)); }

TINIFY_AVX2_INLINE __m256i low_bits(__m256i widths) {
    const __m256i one = _mm256_set1_epi32(1);
    return _mm256_sub_epi32(_mm256_sllv_epi32(one, widths), one);
}

TINIFY_AVX2_INLINE void put_bits(__m256i values, __m256i widths, BitWriter::Cursor& bits) {
    int total;
    const __m256i at = begins(widths, total);
    const __m256i low = _mm256_sllv_epi64(low_lanes(values), low_lanes(at));
    const __m256i all = _mm256_or_si256(low, _mm256_sllv_epi64(high_lanes(values), high_lanes(at)));
    const __m128i half = _mm_or_si128(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    bits.put(static_cast<uint64_t>(_mm_cvtsi128_si64(half) | _mm_extract_epi64(half, 1)), total);
}

TINIFY_AVX2_INLINE __m256i get_bits(__m256i widths, BitReader& bits) {
    int total;
    const __m256i at = begins(widths, total);
    const __m256i window = _mm256_set1_epi64x(static_cast<long long>(bits.get(static_cast<size_t>(total))));
    const __m256 low = _mm256_castsi256_ps(_mm256_srlv_epi64(window, low_lanes(at)));
    const __m256 high = _mm256_castsi256_ps(_mm256_srlv_epi64(window, high_lanes(at)));
    const __m256i packed = _mm256_castps_si256(_mm256_shuffle_ps(low, high, _MM_SHUFFLE(2, 0, 2, 0)));
    return _mm256_and_si256(_mm256_permute4x64_epi64(packed, _MM_SHUFFLE(3, 1, 2, 0)), low_bits(widths));
}

// Eight symbols' bits fit in one read or write.
bool narrow(const FastView& tables) { return 8 * tables.max_shift <= BitWriter::kMost; }

TINIFY_AVX2_INLINE __m256i anchors_of(const FastView& tables, __m256i row) {
    return tables.anchored ? gather(tables.anchors, row) : _mm256_setzero_si256();
}

// Whether h is the value in all of 32 symbols.
TINIFY_AVX2_INLINE bool settled(const FastView& tables, const uint16_t* rows, const int32_t* h) {
    const __m256i highest = _mm256_max_epu16(load8(rows), load8(rows + 16));
    const __m256i limit = _mm256_set1_epi16(static_cast<short>(tables.plain_rows));
    const __m256i split = _mm256_cmpeq_epi16(_mm256_max_epu16(highest, limit), highest);
    const __m256i least = _mm256_min_epi32(_mm256_min_epi32(load8(h), load8(h + 8)),
                                           _mm256_min_epi32(load8(h + 16), load8(h + 24)));
    const __m256i escaped = _mm256_cmpeq_epi32(least, _mm256_set1_epi32(kEscapeBin));
    const __m256i either = _mm256_or_si256(split, escaped);
    return _mm256_testz_si256(either, either);
}

TINIFY_AVX2 void split(const FastView& tables, const uint16_t* rows, const int32_t* symbols, size_t count,
                       uint32_t* items, SideWriter& side) {
    size_t i = 0;
    BitWriter::Cursor bits = side.bits.begin();  // kept in registers, which `side` is not
    for (; i + 8 <= count; i += 8) {
        const __m128i row16 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + i));
        const __m256i row = _mm256_cvtepu16_epi32(row16), symbol = load8(symbols + i);
        const bool plain = !any_from(row16, tables.plain_rows);
        __m256i h = symbol, shift = _mm256_setzero_si256();
        if (!plain) {
            shift = gather(tables.shifts, row);
            h = _mm256_sub_epi32(_mm256_srav_epi32(symbol, shift), anchors_of(tables, row));
        }
        const __m256i at = _mm256_or_si256(_mm256_slli_epi32(row, 8), _mm256_and_si256(h, _mm256_set1_epi32(255)));
        const __m256i item = gather(tables.items, at);
        const __m256i lifted = _mm256_add_epi32(h, _mm256_set1_epi32(127));
        const __m256i inside = _mm256_cmpeq_epi32(_mm256_min_epu32(lifted, _mm256_set1_epi32(254)), lifted);
        const __m256i good = _mm256_andnot_si256(_mm256_cmpeq_epi32(item, _mm256_setzero_si256()), inside);
        if (_mm256_movemask_epi8(good) != -1 || (!plain && !narrow(tables))) {
            side.bits.end(bits);
            for (size_t j = i; j < i + 8; ++j) items[j] = split_one(tables, rows[j], symbols[j], side);
            bits = side.bits.begin();
            continue;
        }
        store8(items + i, item);
        if (!plain) put_bits(_mm256_and_si256(symbol, low_bits(shift)), shift, bits);
    }
    side.bits.end(bits);
    kScalarKernels.split(tables, rows + i, symbols + i, count - i, items + i, side);
}

TINIFY_AVX2_INLINE void join8(const FastView& tables, const uint16_t* rows, int32_t* out, BitReader& bits) {
    const __m256i row = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows)));
    const __m256i shift = gather(tables.shifts, row);
    const __m256i high = _mm256_sllv_epi32(_mm256_add_epi32(load8(out), anchors_of(tables, row)), shift);
    store8(out, _mm256_or_si256(high, get_bits(shift, bits)));
}

TINIFY_AVX2 void join(const FastView& tables, const uint16_t* rows, size_t count, int32_t* out, SideReader& side) {
    const __m256i escape = _mm256_set1_epi32(kEscapeBin);
    BitReader bits = side.bits;  // kept in registers, which `side` is not
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        if (settled(tables, rows + i, out + i)) continue;
        for (size_t j = i; j < i + 32; j += 8) {
            if (narrow(tables) && _mm256_movemask_epi8(_mm256_cmpeq_epi32(load8(out + j), escape)) == 0) {
                join8(tables, rows + j, out + j, bits);
                continue;
            }
            side.bits = bits;
            kScalarKernels.join(tables, rows + j, 8, out + j, side);
            bits = side.bits;
        }
    }
    side.bits = bits;
    kScalarKernels.join(tables, rows + i, count - i, out + i, side);
}

TINIFY_AVX2 void hash(uint32_t* lanes, const int32_t* symbols, size_t count) {
    __m256i h[4];
    const __m256i factor = _mm256_set1_epi32(static_cast<int>(Checksum::kFactor));
    for (int v = 0; v < 4; ++v) h[v] = load8(lanes + 8 * v);
    for (size_t i = 0; i < count; i += 32)
        for (int v = 0; v < 4; ++v)
            h[v] = _mm256_add_epi32(_mm256_mullo_epi32(h[v], factor), load8(symbols + i + 8 * v));
    for (int v = 0; v < 4; ++v) store8(lanes + 8 * v, h[v]);
}

const Kernels kAvx2Kernels{"avx2", encode, decode, split, join, hash};

}  // namespace

const Kernels* avx2_kernels() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") ? &kAvx2Kernels : nullptr;
}

}  // namespace tinify

#else

namespace tinify {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace tinify

#endif
