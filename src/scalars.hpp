// SPDX-License-Identifier: Apache-2.0
// What turns the numbers of a latent and of its distributions into what a coder takes.
#pragma once

#include <cstdint>

namespace tinify {

// A picture of numbers (items, channels, places) with strides in elements.
template <class T>
struct Strided {
    const T* data;
    long shape[3], stride[3];
};

// out (contiguous): how many of the ascending `steps` are below the larger of a number and `bound`; of no number, all.
template <class T>
void steps_below(const Strided<T>& x, T bound, const T* steps, long count, int32_t* out);

// out (contiguous): the nearest whole numbers of x - means, halves to even; false where one leaves 32 bits, or is none.
// means.data may be null.
bool nearest_whole(const Strided<double>& x, const Strided<float>& means, int32_t* out);

}  // namespace tinify
