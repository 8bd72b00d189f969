// SPDX-License-Identifier: Apache-2.0
#include "rans32_kernels.hpp"

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#include "checksum.hpp"

#define TINIFY_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx2,popcnt")))
#define TINIFY_AVX512_INLINE __attribute__((target("avx512f,avx512bw,avx512vl,avx2,popcnt"), always_inline)) inline

namespace tinify {

namespace {

TINIFY_AVX512_INLINE __m512i widen16(const void* p) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
}

TINIFY_AVX512_INLINE __m512i encode_step(__m512i x, __m512i item, uint16_t*& words) {
    const __m512i freq = _mm512_and_si512(item, _mm512_set1_epi32(0xFFFF)), start = _mm512_srli_epi32(item, 16);
    const __mmask16 full = _mm512_cmpge_epi32_mask(_mm512_srli_epi32(x, 19), freq);
    const unsigned taken = static_cast<unsigned>(_mm_popcnt_u32(full));
    words -= taken;
    const __m256i halves = _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(full, x));
    _mm256_mask_storeu_epi16(words, static_cast<__mmask16>((1u << taken) - 1), halves);
    x = _mm512_mask_srli_epi32(x, full, x, 16);

    // x / freq < 2^19 comes out of single precision within one of the quotient; the remainder says which.
    const __m512 ratio = _mm512_div_ps(_mm512_cvtepi32_ps(x), _mm512_cvtepi32_ps(freq));
    __m512i q = _mm512_cvttps_epi32(ratio);
    const __m512i remainder = _mm512_sub_epi32(x, _mm512_mullo_epi32(q, freq));
    q = _mm512_add_epi32(q, _mm512_srai_epi32(remainder, 31));
    q = _mm512_mask_add_epi32(q, _mm512_cmpge_epi32_mask(remainder, freq), q, _mm512_set1_epi32(1));
    const __m512i gap = _mm512_sub_epi32(_mm512_set1_epi32(4096), freq);
    return _mm512_add_epi32(_mm512_add_epi32(x, start), _mm512_mullo_epi32(q, gap));
}

template <int Vectors>
TINIFY_AVX512 uint16_t* encode_vectors(const uint32_t* items, size_t count, uint32_t* states, uint16_t* words) {
    __m512i x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = _mm512_loadu_si512(states + 16 * v);
    for (size_t i = count; i > 0; i -= 16 * Vectors)
#pragma GCC unroll 4
        for (int v = Vectors - 1; v >= 0; --v)
            x[v] = encode_step(x[v], _mm512_loadu_si512(items + i - 16 * (Vectors - v)), words);
    for (int v = 0; v < Vectors; ++v) _mm512_storeu_si512(states + 16 * v, x[v]);
    return words;
}

TINIFY_AVX512 uint16_t* encode(const uint32_t* items, size_t count, uint32_t* states, uint32_t lanes,
                               uint16_t* words) {
    switch (lanes) {
        case 16: return encode_vectors<1>(items, count, states, words);
        case 32: return encode_vectors<2>(items, count, states, words);
        case 64: return encode_vectors<4>(items, count, states, words);
        default: return avx2_kernels()->encode(items, count, states, lanes, words);
    }
}

TINIFY_AVX512_INLINE __m512i decode_step(__m512i x, const uint32_t* slots, const uint16_t* rows, const uint8_t*& p,
                                         int32_t* out) {
    const __m512i low12 = _mm512_set1_epi32(4095);
    const __m512i at = _mm512_or_si512(_mm512_slli_epi32(widen16(rows), 12), _mm512_and_si512(x, low12));
    const __m512i slot = _mm512_i32gather_epi32(at, slots, 4);
    const __m512i freq = _mm512_add_epi32(_mm512_and_si512(slot, low12), _mm512_set1_epi32(1));
    const __m512i rest = _mm512_and_si512(_mm512_srli_epi32(slot, 12), low12);
    x = _mm512_add_epi32(_mm512_mullo_epi32(freq, _mm512_srli_epi32(x, 12)), rest);

    const __mmask16 need = _mm512_cmplt_epi32_mask(x, _mm512_set1_epi32(kRans32Low));
    const __m512i mine = _mm512_maskz_expand_epi32(need, widen16(p));
    x = _mm512_mask_or_epi32(x, need, _mm512_slli_epi32(x, 16), mine);
    p += 2 * _mm_popcnt_u32(need);

    _mm512_storeu_si512(out, _mm512_srai_epi32(slot, 24));
    return x;
}

template <int Vectors>
TINIFY_AVX512 size_t decode_vectors(const uint32_t* slots, const uint16_t* rows, size_t count, uint32_t* states,
                                    const uint8_t*& next, const uint8_t* end, int32_t* out) {
    __m512i x[Vectors];
    for (int v = 0; v < Vectors; ++v) x[v] = _mm512_loadu_si512(states + 16 * v);
    const uint8_t* p = next;
    size_t i = 0;
    // A load of 16 words may reach 30 bytes beyond the last word that the round takes.
    for (; i + 16 * Vectors <= count && end - p >= 32 * Vectors + 32; i += 16 * Vectors)
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v)
            x[v] = decode_step(x[v], slots, rows + i + 16 * v, p, out + i + 16 * v);
    for (int v = 0; v < Vectors; ++v) _mm512_storeu_si512(states + 16 * v, x[v]);
    next = p;
    return i;
}

TINIFY_AVX512 size_t decode(const uint32_t* slots, const uint16_t* rows, size_t count, uint32_t* states,
                            uint32_t lanes, const uint8_t*& next, const uint8_t* end, int32_t* out) {
    switch (lanes) {
        case 16: return decode_vectors<1>(slots, rows, count, states, next, end, out);
        case 32: return decode_vectors<2>(slots, rows, count, states, next, end, out);
        case 64: return decode_vectors<4>(slots, rows, count, states, next, end, out);
        default: return avx2_kernels()->decode(slots, rows, count, states, lanes, next, end, out);
    }
}

// Side sections are read and written in groups of eight, which gains nothing from wider vectors.
void split(const FastView& tables, const uint16_t* rows, const int32_t* symbols, size_t count, uint32_t* items,
           SideWriter& side) {
    avx2_kernels()->split(tables, rows, symbols, count, items, side);
}

void join(const FastView& tables, const uint16_t* rows, size_t count, int32_t* out, SideReader& side) {
    avx2_kernels()->join(tables, rows, count, out, side);
}

TINIFY_AVX512 void hash(uint32_t* lanes, const int32_t* symbols, size_t count) {
    const __m512i factor = _mm512_set1_epi32(static_cast<int>(Checksum::kFactor));
    __m512i a = _mm512_loadu_si512(lanes), b = _mm512_loadu_si512(lanes + 16);
    for (size_t i = 0; i < count; i += 32) {
        a = _mm512_add_epi32(_mm512_mullo_epi32(a, factor), _mm512_loadu_si512(symbols + i));
        b = _mm512_add_epi32(_mm512_mullo_epi32(b, factor), _mm512_loadu_si512(symbols + i + 16));
    }
    _mm512_storeu_si512(lanes, a);
    _mm512_storeu_si512(lanes + 16, b);
}

const Kernels kAvx512Kernels{"avx512", encode, decode, split, join, hash};

}  // namespace

const Kernels* avx512_kernels() {
    const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512vl") && avx2_kernels();
    return has ? &kAvx512Kernels : nullptr;
}

}  // namespace tinify

#else

namespace tinify {
const Kernels* avx512_kernels() { return nullptr; }
}  // namespace tinify

#endif
