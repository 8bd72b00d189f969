// SPDX-License-Identifier: Apache-2.0
#include "pmf.hpp"

#include <cmath>
#include <string>

#include "errors.hpp"

namespace tinify {

namespace {

// Bin `empty` takes one count from the smallest bin that can spare it (the first of them), so that the bins between
// shift by one.
void steal_count(int32_t* cdf, size_t count, size_t empty) {
    int32_t best_freq = INT32_MAX;
    size_t best = count;
    for (size_t j = 0; j < count; ++j) {
        const int32_t freq = cdf[j + 1] - cdf[j];
        if (freq > 1 && freq < best_freq) {
            best_freq = freq;
            best = j;
            if (freq == 2) break;
        }
    }
    if (best == count) throw InputError("a pmf has more bins than its precision has counts");
    if (best < empty)
        for (size_t j = best + 1; j <= empty; ++j) --cdf[j];
    else
        for (size_t j = empty + 1; j <= best; ++j) ++cdf[j];
}

}  // namespace

void pmf_to_quantized_cdf(const float* pmf, size_t count, int precision, int32_t* cdf) {
    if (precision < 1 || precision > 16)
        throw InputError("precision is " + std::to_string(precision) + "; allowed: 1 to 16");
    const uint32_t whole = 1u << precision;
    if (count == 0 || count > whole)
        throw InputError("a pmf has " + std::to_string(count) + " bins; allowed: 1 to " + std::to_string(whole));
    uint64_t total = 0;
    cdf[0] = 0;
    for (size_t i = 0; i < count; ++i) {
        if (!(pmf[i] >= 0.0f) || pmf[i] > 32767.0f)
            throw InputError("pmf entry " + std::to_string(i) + " is " + std::to_string(pmf[i]) +
                             "; a probability is a finite number >= 0");
        const uint32_t freq = static_cast<uint32_t>(std::round(pmf[i] * static_cast<float>(whole)));
        cdf[i + 1] = static_cast<int32_t>(freq);
        total += freq;
    }
    if (total == 0) throw InputError("a pmf has no entry that is above zero at its precision");
    uint64_t sum = 0;
    for (size_t i = 1; i <= count; ++i) {
        sum += (static_cast<uint64_t>(static_cast<uint32_t>(cdf[i])) << precision) / total;
        cdf[i] = static_cast<int32_t>(sum);
    }
    cdf[count] = static_cast<int32_t>(whole);
    for (size_t i = 0; i < count; ++i)
        if (cdf[i] == cdf[i + 1]) steal_count(cdf, count, i);
}

}  // namespace tinify
