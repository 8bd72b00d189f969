# SPDX-License-Identifier: Apache-2.0
"""Peak signal-to-noise ratio of pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinify.errors import InputError


def psnr(original: Any, restored: Any, data_range: float | None = None) -> float:
    """`10 log10(data_range^2 / MSE)` in dB, over all channels; of four-dimensional input the mean over pictures.

    Arrays or tensors of one shape: (H, W, C) or (C, H, W), a batch with one axis before. uint8 has data_range 255,
    floats are in [0, 1] with data_range 1. The mean is one of decibels, as published curves have it, not the PSNR of
    the mean MSE. Equal pictures give inf. InputError for other shapes or types.
    """
    x, y = as_array(original), as_array(restored)
    if x.shape != y.shape or x.ndim not in (2, 3, 4) or x.size == 0:
        raise InputError(
            f"PSNR of pictures of shapes {x.shape} and {y.shape}; two equal ones of 2 to 4 axes are needed"
        )
    if (x.dtype == np.uint8) != (y.dtype == np.uint8):
        raise InputError(f"PSNR of {x.dtype} and {y.dtype}: give both as uint8, or both as floats in [0, 1]")
    peak = data_range if data_range is not None else _peak(x)
    pictures = zip(x, y, strict=True) if x.ndim == 4 else [(x, y)]
    return float(np.mean([_psnr_of_one(a, b, peak) for a, b in pictures]))


def as_array(values: Any) -> np.ndarray:
    """A NumPy array of an array-like or a tensor on any device, without gradient."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def _peak(x: np.ndarray) -> float:
    if x.dtype == np.uint8:
        return 255.0
    if np.issubdtype(x.dtype, np.floating):
        return 1.0
    raise InputError(f"PSNR of {x.dtype} needs data_range, the distance between the largest and the smallest value")


def _psnr_of_one(x: np.ndarray, y: np.ndarray, peak: float) -> float:
    error = float(np.mean(np.square(x.astype(np.float64) - y.astype(np.float64))))
    return math.inf if error == 0 else 10 * math.log10(peak * peak / error)
