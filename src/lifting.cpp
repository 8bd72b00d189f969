// SPDX-License-Identifier: Apache-2.0
#include "lifting.hpp"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <vector>

#include "fast_kernels.hpp"
#include "fast_memory.hpp"
#include "fast_threads.hpp"

namespace tinify::fast {

namespace {

constexpr double kScale = 1.149604398860241;  // of the 9/7's low half; the high one is divided by it
constexpr long kWorthThreads = 1 << 21;       // numbers of a level, 3 ms of work

const LiftingSteps<float>& steps_of(float) { return kernels().lifting->nine_seven; }
const LiftingSteps<int32_t>& steps_of(int32_t) { return kernels().lifting->five_three; }

// Row `index` of a signal of `size` rows that goes on beyond both ends as it came.
long mirrored(long index, long size) {
    const long period = 2 * (size - 1), at = (index % period + period) % period;
    return at < size ? at : period - at;
}

// One level of one plane: the whole of it, and its quarters, of which LL lies apart from the other bands.
template <class Whole, class Part>
struct Level {
    long height, width;
    Whole* whole;
    long whole_row;
    Part* ll;
    long ll_row;
    Part* bands;
    long bands_row;

    long lows() const { return (height + 1) / 2; }
    long columns(int half) const { return half ? width / 2 : (width + 1) / 2; }
    Whole* row(long number) const { return whole + number * whole_row; }
    Part* low(long row, int half) const { return half ? bands + row * bands_row + columns(0) : ll + row * ll_row; }
    Part* high(long row, int half) const { return bands + (lows() + row) * bands_row + half * columns(0); }
};

template <class T>
using Analysis = Level<const T, T>;
template <class T>
using Synthesis = Level<T, const T>;

// What rows of the low and the high half are multiplied with, in their low part and in their high one.
struct Scales {
    Scales(double scale, long height, long width) {
        for (int half : {0, 1})
            for (int row : {0, 1}) {
                const int exponent = (height > 1 ? 1 - 2 * row : 0) + (width > 1 ? 1 - 2 * half : 0);
                of[half][row] = static_cast<float>(std::pow(scale, exponent));
            }
    }
    float of[2][2];
};

// Rows that are two halves with room around them, and what the steps keep of the rows before.
template <class T>
struct Workspace {
    explicit Workspace(long width) : low((width + 1) / 2), stride((width + 23) / 16 * 16), data(7 * stride) {}
    T* row(int number, int half) { return data.data() + number * stride + (half ? low + 3 : 1); }
    T* state(int half) { return row(3, half); }

    long low, stride;
    std::vector<T> data;
};

template <class T>
void copy_scaled(const T* from, T* to, float scale, long size) {
    for (long i = 0; i < size; ++i)
        if constexpr (std::is_same_v<T, float>) to[i] = from[i] * scale;
        else to[i] = from[i];
}

// Pairs of rows, a low and a high one, from `first` to before `last`; those before are for what the steps keep.
template <class T>
void run(const Analysis<T>& level, long first, long last) {
    const auto& steps = steps_of(T{});
    const Scales scales(kScale, level.height, level.width);
    Workspace<T> space(level.width);
    const auto read = [&](long row, int number) {
        steps.split(level.row(row), space.row(number, 0), space.row(number, 1), level.width);
    };
    if (level.height == 1) {
        read(0, 0);
        for (int half : {0, 1})
            copy_scaled(space.row(0, half), level.low(0, half), scales.of[half][0], level.columns(half));
        return;
    }
    for (long pair = first - 2 * steps.pairs; pair < last; ++pair) {
        const long ahead = 2 * (pair + steps.pairs);
        read(mirrored(ahead - 1, level.height), 0);
        read(mirrored(ahead, level.height), 1);
        for (int half : {0, 1}) {
            T* const low = pair < first ? space.row(2, half) : level.low(pair, half);
            T* const high = pair < first || pair >= level.height / 2 ? space.row(2, half) : level.high(pair, half);
            steps.down({space.row(0, half), space.row(1, half)}, space.state(half), space.stride, {low, high},
                       scales.of[half], level.columns(half));
        }
    }
}

// Pairs of rows, an even and an odd one, from `first` to before `last`.
template <class T>
void run(const Synthesis<T>& level, long first, long last) {
    const auto& steps = steps_of(T{});
    const Scales scales(1 / kScale, level.height, level.width);
    Workspace<T> space(level.width);
    const auto write = [&](long row, int number) {
        steps.join(space.row(number, 0), space.row(number, 1), level.row(row), level.width);
    };
    if (level.height == 1) {
        for (int half : {0, 1})
            copy_scaled(level.low(0, half), space.row(0, half), scales.of[half][0], level.columns(half));
        write(0, 0);
        return;
    }
    for (long pair = first - 2 * steps.pairs; pair < last; ++pair) {
        const long ahead = 2 * (pair + steps.pairs);
        const long low = mirrored(ahead, level.height) / 2, high = mirrored(ahead + 1, level.height) / 2;
        for (int half : {0, 1})
            steps.up({level.low(low, half), level.high(high, half)}, space.state(half), space.stride,
                     {space.row(0, half), space.row(1, half)}, scales.of[half], level.columns(half));
        if (pair >= first && pair < level.height / 2) write(2 * pair + 1, 0);
        if (pair + 1 >= first && pair + 1 < last) write(2 * pair + 2, 1);
    }
}

// Heights and widths of what is left after 0, 1, ... levels.
struct Sizes {
    explicit Sizes(const LiftingShape& shape) : height{shape.height}, width{shape.width} {
        for (int level = 0; level < shape.levels; ++level) {
            height.push_back((height[level] + 1) / 2);
            width.push_back((width[level] + 1) / 2);
        }
    }
    std::vector<long> height, width;
};

// LL of the levels between the first and the last, of all planes; every second one in the same place.
template <class T>
struct Between {
    Between(const LiftingShape& shape, const Sizes& sizes) {
        for (int level = 1; level < std::min(shape.levels, 3); ++level)
            buffers.emplace_back(static_cast<size_t>(shape.planes) * sizes.height[level] * sizes.width[level]);
    }
    Planes<T> at(int level, const Sizes& sizes) {
        const long width = sizes.width[level];
        return {reinterpret_cast<T*>(buffers[(level - 1) % 2].data()), sizes.height[level] * width, width};
    }
    static_assert(sizeof(T) == sizeof(float));
    std::vector<Buffer> buffers;
};

template <class Whole, class Part>
void run_level(const LiftingShape& shape, long height, long width, const Planes<Whole>& whole, const Planes<Part>& ll,
               const Planes<Part>& bands, int threads) {
    if (shape.planes * height * width < kWorthThreads) threads = 1;
    const long pairs = (height + 1) / 2, strips = std::min<long>(threads, pairs);
    parallel(shape.planes * strips, threads, [&](long block, int) {
        const long plane = block / strips, strip = block % strips;
        using T = std::remove_const_t<Whole>;
        run<T>(Level<Whole, Part>{height, width, whole.data + plane * whole.plane, whole.row,
                                  ll.data + plane * ll.plane, ll.row, bands.data + plane * bands.plane, bands.row},
               pairs * strip / strips, pairs * (strip + 1) / strips);
    });
}

template <class T>
void copy(const Planes<const T>& from, const Planes<T>& to, const LiftingShape& shape) {
    for (long plane = 0; plane < shape.planes; ++plane)
        for (long row = 0; row < shape.height; ++row)
            std::copy_n(from.data + plane * from.plane + row * from.row, shape.width,
                        to.data + plane * to.plane + row * to.row);
}

template <class T>
Planes<const T> constant(const Planes<T>& planes) { return {planes.data, planes.plane, planes.row}; }

template <class T>
void all_down(const Planes<const T>& x, const Planes<T>& y, const LiftingShape& shape, int threads) {
    if (!shape.levels) return copy(x, y, shape);
    const Sizes sizes(shape);
    Between<T> between(shape, sizes);
    for (int level = 0; level < shape.levels; ++level) {
        const auto whole = level ? constant(between.at(level, sizes)) : x;
        const auto ll = level + 1 < shape.levels ? between.at(level + 1, sizes) : y;
        run_level(shape, sizes.height[level], sizes.width[level], whole, ll, y, threads);
    }
}

template <class T>
void all_up(const Planes<const T>& y, const Planes<T>& x, const LiftingShape& shape, int threads) {
    if (!shape.levels) return copy(y, x, shape);
    const Sizes sizes(shape);
    Between<T> between(shape, sizes);
    for (int level = shape.levels - 1; level >= 0; --level) {
        const auto whole = level ? between.at(level, sizes) : x;
        const auto ll = level + 1 < shape.levels ? constant(between.at(level + 1, sizes)) : y;
        run_level(shape, sizes.height[level], sizes.width[level], whole, ll, y, threads);
    }
}

}  // namespace

void analyse(const Planes<const float>& x, const Planes<float>& y, const LiftingShape& shape, int threads) {
    all_down(x, y, shape, threads);
}

void analyse(const Planes<const int32_t>& x, const Planes<int32_t>& y, const LiftingShape& shape, int threads) {
    all_down(x, y, shape, threads);
}

void synthesise(const Planes<const float>& y, const Planes<float>& x, const LiftingShape& shape, int threads) {
    all_up(y, x, shape, threads);
}

void synthesise(const Planes<const int32_t>& y, const Planes<int32_t>& x, const LiftingShape& shape, int threads) {
    all_up(y, x, shape, threads);
}

}  // namespace tinify::fast
