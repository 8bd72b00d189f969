// SPDX-License-Identifier: Apache-2.0
#include "colour.hpp"

#include <algorithm>

namespace tinify::fast {

namespace {

constexpr long kRun = 1024;  // pixels that stay in the first cache level
constexpr double kRed = 0.299, kGreen = 0.587, kBlue = 0.114;
constexpr float kFromBlue = 2 * (1 - kBlue), kFromRed = 2 * (1 - kRed);
constexpr float kGreenFromBlue = kBlue * 2 * (1 - kBlue) / kGreen, kGreenFromRed = kRed * 2 * (1 - kRed) / kGreen;

// Interleaved bytes apart and together, so that the loops between have their numbers side by side.
struct Run {
    void read(const uint8_t* samples, long count) {
        for (long i = 0; i < count; ++i) {
            red[i] = samples[3 * i];
            green[i] = samples[3 * i + 1];
            blue[i] = samples[3 * i + 2];
        }
    }
    void write(uint8_t* samples, long count) const {
        for (long i = 0; i < count; ++i) {
            samples[3 * i] = static_cast<uint8_t>(red[i]);
            samples[3 * i + 1] = static_cast<uint8_t>(green[i]);
            samples[3 * i + 2] = static_cast<uint8_t>(blue[i]);
        }
    }
    int32_t red[kRun], green[kRun], blue[kRun];
};

template <class Work>
void in_runs(long pixels, const Work& work) {
    for (long start = 0; start < pixels; start += kRun) work(start, std::min(kRun, pixels - start));
}

// Adding 1.5 * 2^23 leaves no bits behind the point.
inline int32_t rounded(float x) {
    constexpr float kWhole = 12582912.0f;
    x = x > 0.0f ? x : 0.0f;
    x = x < 255.0f ? x : 255.0f;
    return static_cast<int32_t>((x + kWhole) - kWhole);
}

}  // namespace

void mix_planes(const float* __restrict x, long pixels, const float (&m)[9], float* __restrict y) {
    for (long i = 0; i < pixels; ++i) {
        const float first = x[i], second = x[i + pixels], third = x[i + 2 * pixels];
        y[i] = first * m[0] + second * m[1] + third * m[2];
        y[i + pixels] = first * m[3] + second * m[4] + third * m[5];
        y[i + 2 * pixels] = first * m[6] + second * m[7] + third * m[8];
    }
}

void ycbcr_of_samples(const uint8_t* samples, long pixels, float* planes) {
    Run run;
    in_runs(pixels, [&](long start, long count) {
        run.read(samples + 3 * start, count);
        float *const luma = planes + start, *const cb = luma + pixels, *const cr = cb + pixels;
        for (long i = 0; i < count; ++i) {
            const float red = static_cast<float>(run.red[i]), green = static_cast<float>(run.green[i]);
            const float blue = static_cast<float>(run.blue[i]);
            const float y = red * static_cast<float>(kRed) + green * static_cast<float>(kGreen) +
                            blue * static_cast<float>(kBlue);
            luma[i] = y - 128.0f;
            cb[i] = (blue - y) * (1 / kFromBlue);
            cr[i] = (red - y) * (1 / kFromRed);
        }
    });
}

void samples_of_ycbcr(const float* planes, long pixels, uint8_t* samples) {
    Run run;
    in_runs(pixels, [&](long start, long count) {
        const float *const luma = planes + start, *const cb = luma + pixels, *const cr = cb + pixels;
        for (long i = 0; i < count; ++i) {
            const float y = luma[i] + 128.0f;
            run.red[i] = rounded(y + cr[i] * kFromRed);
            run.green[i] = rounded(y - cb[i] * kGreenFromBlue - cr[i] * kGreenFromRed);
            run.blue[i] = rounded(y + cb[i] * kFromBlue);
        }
        run.write(samples + 3 * start, count);
    });
}

}  // namespace tinify::fast
