# SPDX-License-Identifier: Apache-2.0
"""8-bit pictures straight to planes of colours and back, in one native pass; the same bits on every machine."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tinify import _core
from tinify.errors import InputError


def ycbcr_of_samples(samples: np.ndarray) -> Tensor:
    """y (3, H, W) float32 of samples (H, W, 3) uint8: Y - 128, Cb, Cr, what `YcbcrAnalysis` gives of samples - 128."""
    if samples.dtype != np.uint8 or samples.ndim != 3 or samples.shape[2] != 3:
        raise InputError(f"{samples.dtype} of shape {samples.shape}; allowed: uint8 of (H, W, 3)")
    planes = torch.empty((3, *samples.shape[:2]))
    _core.ycbcr_of_samples(np.ascontiguousarray(samples), planes)
    return planes


def samples_of_ycbcr(y_hat: Tensor) -> np.ndarray:
    """Samples (H, W, 3) uint8 of y_hat (3, H, W) float32, rounded half to even and clipped; what is no number is 0."""
    if y_hat.dtype != torch.float32 or y_hat.dim() != 3 or y_hat.shape[0] != 3:
        raise InputError(f"{y_hat.dtype} of shape {tuple(y_hat.shape)}; allowed: float32 of (3, H, W)")
    samples = np.empty((*y_hat.shape[1:], 3), np.uint8)
    _core.samples_of_ycbcr(y_hat.detach().contiguous(), samples)
    return samples
