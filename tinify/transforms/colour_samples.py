# SPDX-License-Identifier: Apache-2.0
"""8-bit pictures straight to planes of colours and back, in one native pass; the same bits on every machine."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tinify import _core
from tinify.errors import FormatError, InputError


def ycbcr_of_samples(samples: np.ndarray) -> Tensor:
    """y (3, H, W) float32 of samples (H, W, 3) uint8: Y - 128, Cb, Cr, what `YcbcrAnalysis` gives of samples - 128."""
    planes = _planes(samples, torch.float32)
    _core.ycbcr_of_samples(np.ascontiguousarray(samples), planes)
    return planes


def samples_of_ycbcr(y_hat: Tensor) -> np.ndarray:
    """Samples (H, W, 3) uint8 of y_hat (3, H, W) float32, rounded half to even and clipped; what is no number is 0."""
    y_hat = _checked(y_hat, torch.float32)
    samples = np.empty((*y_hat.shape[1:], 3), np.uint8)
    _core.samples_of_ycbcr(y_hat, samples)
    return samples


def rct_of_samples(samples: np.ndarray) -> Tensor:
    """y (3, H, W) int32 of samples (H, W, 3) uint8, as `RctAnalysis` makes them."""
    planes = _planes(samples, torch.int32)
    _core.rct_of_samples(np.ascontiguousarray(samples), planes)
    return planes


def samples_of_rct(y: Tensor) -> np.ndarray:
    """Samples (H, W, 3) uint8 of y (3, H, W) int32. FormatError where one is beyond 0 to 255."""
    y = _checked(y, torch.int32)
    samples = np.empty((*y.shape[1:], 3), np.uint8)
    if not _core.samples_of_rct(y, samples):
        raise FormatError("a sample is beyond 0 to 255: the file is damaged")
    return samples


def _planes(samples: np.ndarray, dtype: torch.dtype) -> Tensor:
    if samples.dtype != np.uint8 or samples.ndim != 3 or samples.shape[2] != 3:
        raise InputError(f"{samples.dtype} of shape {samples.shape}; allowed: uint8 of (H, W, 3)")
    return torch.empty((3, *samples.shape[:2]), dtype=dtype)


def _checked(y: Tensor, dtype: torch.dtype) -> Tensor:
    if y.dtype != dtype or y.dim() != 3 or y.shape[0] != 3:
        raise InputError(f"{y.dtype} of shape {tuple(y.shape)}; allowed: {dtype} of (3, H, W)")
    return y.detach().contiguous()
