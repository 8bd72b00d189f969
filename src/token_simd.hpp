// SPDX-License-Identifier: Apache-2.0
// The inner loops, included once for each instruction set: namespace TINIFY_SIMD, TINIFY_LANES int32 in a vector,
// TINIFY_ROWS lanes and TINIFY_PANELS panels in a register tile, TINIFY_MADD(acc, a, b) which adds the products of pairs
// of int16. It includes nothing, so that no library code is compiled for a set which the processor may lack.

namespace tinify::tokens::TINIFY_SIMD {

typedef int32_t Vec __attribute__((vector_size(4 * TINIFY_LANES)));
typedef int32_t LooseVec __attribute__((vector_size(4 * TINIFY_LANES), aligned(4), may_alias));
typedef float FloatVec __attribute__((vector_size(4 * TINIFY_LANES)));
typedef float LooseFloats __attribute__((vector_size(4 * TINIFY_LANES), aligned(4), may_alias));
typedef int32_t Pair __attribute__((aligned(2), may_alias));

#define TINIFY_INLINE inline __attribute__((always_inline))

constexpr int kVectors = kPanel / TINIFY_LANES;

TINIFY_INLINE Vec load(const void* p) { return *static_cast<const LooseVec*>(p); }
TINIFY_INLINE void store(void* p, Vec v) { *static_cast<LooseVec*>(p) = v; }
TINIFY_INLINE Vec splat(int32_t x) { return x - Vec{}; }
TINIFY_INLINE int32_t clamp(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

template <int R, int P>
void tile(const Matrix& m, const int16_t* x, int panel, int32_t* y) {
    const int pairs = m.columns / 2;
    const int16_t* w[P];
    for (int p = 0; p < P; ++p) w[p] = m.panels + static_cast<long>(panel + p) * pairs * 2 * kPanel;
    Vec acc[R][P * kVectors] = {};
    for (int k = 0; k < pairs; ++k) {
        Vec b[P * kVectors];
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
            for (int v = 0; v < kVectors; ++v)
                b[p * kVectors + v] = load(w[p] + (k * kPanel + v * TINIFY_LANES) * 2);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            const Vec a = splat(*reinterpret_cast<const Pair*>(x + r * m.columns + 2 * k));
#pragma GCC unroll 8
            for (int v = 0; v < P * kVectors; ++v) acc[r][v] = TINIFY_MADD(acc[r][v], a, b[v]);
        }
    }
    const Vec low = splat(m.low), high = splat(m.high);
#pragma GCC unroll 8
    for (int v = 0; v < P * kVectors; ++v) {
        const int row = panel * kPanel + v * TINIFY_LANES;
        const Vec scale = load(m.multiplier + row), bias = load(m.bias + row);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
            Vec out = (((acc[r][v] >> kDrop) * scale + (1 << (m.shift - 1))) >> m.shift) + bias;
            out = out < low ? low : out;
            store(y + static_cast<long>(r) * m.rows + row, out > high ? high : out);
        }
    }
}

template <int R>
void some_lanes(const Matrix& m, const int16_t* x, int panel, int panels, int32_t* y) {
    if (panels == TINIFY_PANELS) return tile<R, TINIFY_PANELS>(m, x, panel, y);
    for (int p = 0; p < panels; ++p) tile<R, 1>(m, x, panel + p, y);
}

// A few panels stay in the first cache level while all lanes pass.
void linear(const Matrix& m, const int16_t* x, int lanes, int32_t* y) {
    const int all = m.rows / kPanel;
    for (int panel = 0; panel < all; panel += TINIFY_PANELS) {
        const int panels = all - panel < TINIFY_PANELS ? all - panel : TINIFY_PANELS;
        int lane = 0;
        for (; lane + TINIFY_ROWS <= lanes; lane += TINIFY_ROWS)
            some_lanes<TINIFY_ROWS>(m, x + static_cast<long>(lane) * m.columns, panel, panels,
                                    y + static_cast<long>(lane) * m.rows);
        for (; lane < lanes; ++lane)
            some_lanes<1>(m, x + static_cast<long>(lane) * m.columns, panel, panels, y + static_cast<long>(lane) * m.rows);
    }
}

TINIFY_INLINE int32_t place(int32_t x) { return clamp((x >> kTableShift) + kTable / 2, 0, kTable - 1); }

void gates(const Activations& tables, const int16_t* const* rows, int count, const int32_t* own, int hidden,
           int16_t* state) {
    constexpr int kBlock = 64;
    for (int first = 0; first < hidden; first += kBlock) {
        const int size = hidden - first < kBlock ? hidden - first : kBlock;
        int32_t given[3][kBlock] = {}, reset[kBlock], update[kBlock];
        for (int gate = 0; gate < 3; ++gate)
            for (int c = 0; c < count; ++c) {
                const int16_t* row = rows[c] + gate * hidden + first;
                for (int i = 0; i < size; ++i) given[gate][i] += row[i];
            }
        const int32_t *own_r = own + first, *own_z = own_r + hidden, *own_n = own_z + hidden;
        for (int i = 0; i < size; ++i) given[0][i] = place(given[0][i] + own_r[i]);
        for (int i = 0; i < size; ++i) reset[i] = tables.sigmoid[given[0][i]];
        for (int i = 0; i < size; ++i) given[1][i] = place(given[1][i] + own_z[i]);
        for (int i = 0; i < size; ++i) update[i] = tables.sigmoid[given[1][i]];
        constexpr int32_t half = 1 << (kSigmoidBits - 1);
        for (int i = 0; i < size; ++i)
            given[2][i] = place(given[2][i] + ((reset[i] * own_n[i] + half) >> kSigmoidBits));
        for (int i = 0; i < size; ++i) reset[i] = tables.tanh[given[2][i]];  // the candidate
        for (int i = 0; i < size; ++i) {
            const int32_t old = state[first + i], candidate = reset[i];
            state[first + i] =
                static_cast<int16_t>(candidate + ((update[i] * (old - candidate) + half) >> kSigmoidBits));
        }
    }
}

int32_t weights(const int32_t* logits, int codes, uint32_t* weights, uint32_t* groups) {
    int32_t largest = logits[0];
    for (int i = 1; i < codes; ++i) largest = logits[i] > largest ? logits[i] : largest;
    const int room = (codes + kPanel - 1) / kPanel * kPanel;
    for (int i = 0; i < codes; ++i) {
        const int32_t depth = largest - logits[i], part = depth & 1023, octave = depth >> 10;
        const int32_t value = 65536 - ((part * (44012 - ((part * 11244) >> 10))) >> 10);
        weights[i] = static_cast<uint32_t>(value >> (octave > 31 ? 31 : octave));
    }
    for (int i = codes; i < room; ++i) weights[i] = 0;
    for (int g = 0; g < room / kPanel; ++g) {
        uint32_t sum = 0;
        for (int i = 0; i < kPanel; ++i) sum += weights[g * kPanel + i];
        groups[g] = sum;
    }
    return largest;
}

int nearest(const Search& search, const float* y, const int32_t* logits, int32_t largest, float whole, float weight,
            float* costs) {
    constexpr int kBlock = 4 * TINIFY_LANES;
    FloatVec least[4];
    for (int v = 0; v < 4; ++v) least[v] = FloatVec{} + 3e38f;
    const FloatVec most = FloatVec{} + 16.0f;
    for (int first = 0; first < search.room; first += kBlock) {
        const int vectors = (search.room - first) / TINIFY_LANES < 4 ? (search.room - first) / TINIFY_LANES : 4;
        FloatVec cost[4] = {};
        for (int v = 0; v < vectors; ++v) {
            const int at = first + v * TINIFY_LANES;
            const FloatVec bits = whole + __builtin_convertvector(largest - load(logits + at), FloatVec) * (1.0f / 1024);
            cost[v] = *reinterpret_cast<const LooseFloats*>(search.halves + at) + weight * (bits < most ? bits : most);
        }
        if (vectors == 4)
            for (int d = 0; d < search.dim; ++d) {
                const float* column = search.columns + static_cast<long>(d) * search.room + first;
#pragma GCC unroll 4
                for (int v = 0; v < 4; ++v)
                    cost[v] -= y[d] * *reinterpret_cast<const LooseFloats*>(column + v * TINIFY_LANES);
            }
        else
            for (int d = 0; d < search.dim; ++d) {
                const float* column = search.columns + static_cast<long>(d) * search.room + first;
                for (int v = 0; v < vectors; ++v)
                    cost[v] -= y[d] * *reinterpret_cast<const LooseFloats*>(column + v * TINIFY_LANES);
            }
        for (int v = 0; v < vectors; ++v) {
            *reinterpret_cast<LooseFloats*>(costs + first + v * TINIFY_LANES) = cost[v];
            least[v] = cost[v] < least[v] ? cost[v] : least[v];
        }
    }
    float best = 3e38f;
    for (int v = 0; v < 4; ++v)
        for (int i = 0; i < TINIFY_LANES; ++i) best = least[v][i] < best ? least[v][i] : best;
    for (int i = 0; i < search.codes; ++i)
        if (costs[i] <= best) return i;
    return 0;  // not a number
}

}  // namespace tinify::tokens::TINIFY_SIMD
