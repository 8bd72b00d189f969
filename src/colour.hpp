// SPDX-License-Identifier: Apache-2.0
// Colours of 8-bit pictures to planes and back: one pass over the pixels, and the same bits on every machine.
#pragma once

#include <cstdint>

namespace tinify::fast {

// y = m x at every pixel, of three planes of `pixels` numbers each; m row after row.
void mix_planes(const float* x, long pixels, const float (&m)[9], float* y);

// Samples lie pixel after pixel, red, green, blue; planes one after another, `pixels` numbers each.

// Y - 128, Cb, Cr of ITU-R BT.601 in the full range.
void ycbcr_of_samples(const uint8_t* samples, long pixels, float* planes);
// Rounded half to even and clipped to 0 to 255; what is no number becomes 0.
void samples_of_ycbcr(const float* planes, long pixels, uint8_t* samples);

}  // namespace tinify::fast
