// SPDX-License-Identifier: Apache-2.0
// A signed integer as binary decisions, each under its own node of the contexts:
//   0: is it zero   1: is it negative   2..15: does the size, in units of 2^shift, stop here
//   16..22: exponent of what lies beyond   23..30: the two highest of the bits below the shift; the others are even
//   31: a flag
// Included once for each instruction set, inside its namespace.

template <class T>
inline T least(T a, T b) { return a < b ? a : b; }

// About four steps an octave.
inline uint32_t octaves(uint64_t x) {
    if (x < 4) return static_cast<uint32_t>(x);
    const int top = 63 - __builtin_clzll(x);
    return static_cast<uint32_t>((top - 1) << 2 | (x >> (top - 2) & 3));
}

constexpr int kUnary = 14, kExponent = 16, kHigh = 23, kNext = 27, kFlag = 31;
constexpr int kMostShift = 26;

template <class Bits>
struct IntegerCoder {
    IntegerCoder(State& state, const Learning& learning, Bits& bits) : mixer(state, learning), io(bits) {}

    // e, or what the stream holds in its place.
    int64_t code(int64_t e, int shift) {
        for (int i = 0; i < mixer.experts; ++i) {
            up[i] = expert[i].above(mixer.t, 128);
            down[i] = expert[i].below(mixer.t, -128);
            rest[i] = up[i] + down[i];
            stop[i] = rest[i] >= kOne ? 1 : kOne - rest[i];
        }
        if (mixer.code(io, e == 0, 0, stop, rest)) return 0;
        const bool negative = mixer.code(io, e < 0, 1, down, up);
        const uint64_t size = static_cast<uint64_t>(e < 0 ? -e : e) - 1;
        const uint64_t high = units(size >> shift, shift, negative);
        const uint64_t low = shift ? remainder(size, high, shift) : 0;
        const int64_t value = static_cast<int64_t>((high << shift | low) + 1);
        return negative ? -value : value;
    }

    // A decision that is not about an integer, under a node of its own.
    bool flag(bool truth) { return mixer.code(io, truth, kFlag, nullptr, nullptr); }

    Mixer mixer;
    Expert expert[kMostExperts];

private:
    uint64_t units(uint64_t wanted, int shift, bool negative) {
        uint32_t* mass = negative ? down : up;
        for (uint64_t u = 0; u < kUnary; ++u) {
            const int64_t edge = (static_cast<int64_t>(u + 1) << (shift + 8)) + 128;
            for (int i = 0; i < mixer.experts; ++i) {
                const uint32_t beyond = negative ? expert[i].below(mixer.t, -edge) : expert[i].above(mixer.t, edge);
                stop[i] = mass[i] > beyond ? mass[i] - beyond : 0;
                rest[i] = mass[i] = beyond;
            }
            if (mixer.code(io, wanted == u, 2 + static_cast<int>(u), stop, rest)) return u;
        }
        return kUnary + beyond_unary(wanted - kUnary);
    }

    uint64_t beyond_unary(uint64_t wanted) {  // Elias's gamma code
        const int bits = 63 - __builtin_clzll(wanted + 1 ? wanted + 1 : 1);
        int exponent = 0;
        while (exponent < 34 && !mixer.code(io, exponent == bits, kExponent + least(exponent, 6), nullptr, nullptr))
            ++exponent;
        return (uint64_t{1} << exponent | plain(wanted + 1, exponent)) - 1;
    }

    uint64_t remainder(uint64_t size, uint64_t high, int shift) {
        const int place = high < 3 ? static_cast<int>(high) : 3;
        uint64_t low = mixer.code(io, size >> (shift - 1) & 1, kHigh + place, nullptr, nullptr);
        if (shift == 1) return low;
        const int node = kNext + static_cast<int>(low) + (high ? 2 : 0);
        low = low << 1 | mixer.code(io, size >> (shift - 2) & 1, node, nullptr, nullptr);
        return low << (shift - 2) | plain(size, shift - 2);
    }

    uint64_t plain(uint64_t value, int bits) {
        uint64_t got = 0;
        for (int i = bits - 1; i >= 0; --i) got = got << 1 | static_cast<uint64_t>(io.code(value >> i & 1, 32768));
        return got;
    }

    Bits& io;
    uint32_t up[kMostExperts], down[kMostExperts], stop[kMostExperts], rest[kMostExperts];
};
