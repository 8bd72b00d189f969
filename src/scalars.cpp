// SPDX-License-Identifier: Apache-2.0
// Compiled without contraction, and with instructions of the processor where they change no result.
#include "scalars.hpp"

#include <algorithm>

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
#define TINIFY_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define TINIFY_CLONES
#endif

namespace tinify {

namespace {

constexpr long kBlock = 256;
constexpr long kFew = 128;  // steps that are all looked at

// Calls block(values..., begin, size) for blocks of the elements in order, with copies of them side by side.
template <class T>
class Reader {
public:
    explicit Reader(const Strided<T>& x) : x_(x) {}
    void read(T* to, long size) {
        for (long i = 0; i < size; ++i) {
            to[i] = x_.data[item_ * x_.stride[0] + channel_ * x_.stride[1] + place_ * x_.stride[2]];
            if (++place_ < x_.shape[2]) continue;
            place_ = 0;
            if (++channel_ < x_.shape[1]) continue;
            channel_ = 0;
            ++item_;
        }
    }

private:
    const Strided<T>& x_;
    long item_ = 0, channel_ = 0, place_ = 0;
};

template <class T>
inline __attribute__((always_inline)) void count_all(const T* x, T bound, const T* steps, long count, int32_t* out) {
    T larger[kBlock];
    int32_t found[kBlock];
    for (long i = 0; i < kBlock; ++i) larger[i] = x[i] < bound ? bound : x[i], found[i] = 0;
    for (long k = 0; k < count; ++k) {
        const T step = steps[k];
        for (long i = 0; i < kBlock; ++i) found[i] += !(step >= larger[i]);
    }
    for (long i = 0; i < kBlock; ++i) out[i] = found[i];
}

TINIFY_CLONES void count(const float* x, float bound, const float* steps, long count, int32_t* out) {
    count_all(x, bound, steps, count, out);
}

TINIFY_CLONES void count(const double* x, double bound, const double* steps, long count, int32_t* out) {
    count_all(x, bound, steps, count, out);
}

template <class T>
void search(const T* x, T bound, const T* steps, long count, int32_t* out) {
    for (long i = 0; i < kBlock; ++i) {
        const T larger = x[i] < bound ? bound : x[i];
        const auto below = [&](T step, T value) { return !(step >= value); };
        out[i] = static_cast<int32_t>(std::lower_bound(steps, steps + count, larger, below) - steps);
    }
}

template <class T>
long size_of(const Strided<T>& x) {
    return x.shape[0] * x.shape[1] * x.shape[2];
}

}  // namespace

template <class T>
void steps_below(const Strided<T>& x, T bound, const T* steps, long steps_count, int32_t* out) {
    Reader<T> reader(x);
    T values[kBlock] = {};
    int32_t found[kBlock];
    const long size = size_of(x);
    for (long begin = 0; begin < size; begin += kBlock) {
        const long here = std::min(kBlock, size - begin);
        reader.read(values, here);
        if (steps_count <= kFew) count(values, bound, steps, steps_count, found);
        else search(values, bound, steps, steps_count, found);
        std::copy(found, found + here, out + begin);
    }
}

template void steps_below<float>(const Strided<float>&, float, const float*, long, int32_t*);
template void steps_below<double>(const Strided<double>&, double, const double*, long, int32_t*);

bool nearest_whole(const Strided<double>& x, const Strided<float>& means, int32_t* out) {
    constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: sums with it have no fraction
    Reader<double> values(x);
    Reader<float> middles(means);
    double value[kBlock];
    float mean[kBlock] = {};
    const long size = size_of(x);
    bool fit = true;
    for (long begin = 0; begin < size; begin += kBlock) {
        const long here = std::min(kBlock, size - begin);
        values.read(value, here);
        if (means.data) middles.read(mean, here);
        for (long i = 0; i < here; ++i) {
            const double rounded = value[i] - mean[i] + kMagic - kMagic;
            const bool fits = rounded < 2147483648.0 && rounded > -2147483648.0;
            fit &= fits;
            out[begin + i] = fits ? static_cast<int32_t>(rounded) : 0;
        }
    }
    return fit;
}

}  // namespace tinify
