# SPDX-License-Identifier: Apache-2.0
"""Samples of pictures, of 8 bits, 16 bits or floats, as tensors and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tinify.errors import InputError
from tinify.signal import PEAKS, Signal


def checked(signal: Signal) -> np.ndarray:
    """The samples of a picture. InputError where they are none."""
    samples = signal.samples
    if signal.modality != "image" or len(samples.shape) != 3 or samples.shape[2] not in (1, 2, 3, 4):
        raise InputError(f"an image codec takes (H, W, 1 to 4), not {signal.modality} of shape {samples.shape}")
    if str(samples.dtype) not in PEAKS or 0 in samples.shape:
        raise InputError(
            f"an image codec takes non-empty pictures of uint8, uint16, or float32 in [0, 1], not {samples.dtype} of "
            f"{samples.shape}"
        )
    return samples


def check_floats(samples: np.ndarray) -> None:
    """InputError for floats beyond [0, 1], and beside alpha, which is kept exactly."""
    if samples.dtype != np.float32:
        return
    if samples.shape[2] in (2, 4):
        raise InputError("a picture of floats cannot have alpha; make it uint16, or leave the alpha out")
    if not (samples.min() >= 0 and samples.max() <= 1):  # NaN is not, either
        raise InputError(
            f"samples from {samples.min():g} to {samples.max():g}; floats of a picture have to be in [0, 1]: scale them"
        )


def colours(samples: np.ndarray) -> Tensor:
    """(1 or 3, H, W), without alpha: uint8 and float32 as they are, int32 of uint16."""
    kept = np.array(samples[:, :, : 1 if samples.shape[2] < 3 else 3])
    return torch.from_numpy(kept.astype(np.int32) if kept.dtype == np.uint16 else kept).permute(2, 0, 1)


def to_tensor(samples: np.ndarray) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1]."""
    return (colours(samples)[None].float() / PEAKS[str(samples.dtype)]).expand(-1, 3, -1, -1)


def to_samples(x_hat: Tensor, grey: bool, dtype: str) -> np.ndarray:
    """(H, W, 1 or 3) of x_hat (1, 3, H, W)."""
    x_hat = x_hat.mean(dim=1, keepdim=True) if grey else x_hat
    x = x_hat[0].permute(1, 2, 0)
    if dtype == "float32":
        return x.contiguous().numpy()
    return whole_samples((x * PEAKS[dtype]).round(), dtype)


def whole_samples(x: Tensor, dtype: str) -> np.ndarray:
    """Of whole numbers within the range of the dtype."""
    if dtype == "uint8":
        return x.to(torch.uint8).contiguous().numpy()
    return x.to(torch.int32).contiguous().numpy().astype(dtype)


def on_grid(x: Tensor, error: int) -> Tensor:
    """Numbers of the steps of 2 error + 1, on one of which every sample is no further than that."""
    return torch.div(x + error, 2 * error + 1, rounding_mode="floor") if error else x


def off_grid(x: Tensor, error: int, peak: int) -> Tensor:
    return (x * (2 * error + 1)).clamp_(max=peak) if error else x
