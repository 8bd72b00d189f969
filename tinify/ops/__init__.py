# SPDX-License-Identifier: Apache-2.0
"""Differentiable primitives."""

from tinify.ops.bounds import LowerBound, NonNegativeParametrizer
from tinify.ops.padding import compute_padding, pad_to_multiple
from tinify.ops.rounding import quantize_ste

__all__ = ["LowerBound", "NonNegativeParametrizer", "compute_padding", "pad_to_multiple", "quantize_ste"]
