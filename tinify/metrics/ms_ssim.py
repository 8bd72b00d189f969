# SPDX-License-Identifier: Apache-2.0
"""Multi-scale structural similarity."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tinify.errors import InputError

# Weights of the scales, finest first (table in section 3.2 of the paper).
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


def ms_ssim(x: Any, y: Any, data_range: float = 1.0, scales: int = len(WEIGHTS)) -> Tensor:
    """Mean over pictures and channels of the MS-SSIM; a scalar tensor in [0, 1], differentiable.

        MS-SSIM = luminance_S^w_S * product over scales s of (contrast_s * structure_s)^w_s

    x, y: (B, C, H, W) floats in [0, data_range], or uint8 arrays (H, W, C), whose range is 255. Gaussian window of 11
    taps, sigma 1.5, no padding; scales by 2x2 means. Five scales need a shorter side above 160 pixels; smaller
    pictures are an InputError unless `scales` is less (weights are then scaled to sum 1: not comparable with published
    numbers). Negative similarities count as 0, with gradient 0.
    Source: Wang, Simoncelli, Bovik 2003, "Multi-scale structural similarity for image quality assessment". Odd sides
    are padded with zeros before halving, as in pytorch-msssim, whose numbers the field publishes.
    """
    x, y, data_range = _pictures(x, data_range), _pictures(y, data_range), _range(x, y, data_range)
    _check(x, y, scales)
    weights = x.new_tensor(WEIGHTS[:scales])
    weights = weights / weights.sum() if scales < len(WEIGHTS) else weights
    window = _gaussian_window(x)
    factors = []
    for scale in range(scales):
        similarity, contrast = _similarities(x, y, window, data_range)
        factors.append(similarity if scale == scales - 1 else contrast)
        if scale < scales - 1:
            padding = [side % 2 for side in x.shape[2:]]
            x, y = (functional.avg_pool2d(t, kernel_size=2, padding=padding) for t in (x, y))
    return _power(torch.stack(factors), weights[:, None, None]).prod(dim=0).mean()


def scales_for(height: int, width: int) -> int:
    """How many scales a picture has room for, 0 to 5."""
    return sum(min(height, width) > (WINDOW - 1) * 2**scale for scale in range(len(WEIGHTS)))


def _pictures(values: Any, data_range: float) -> Tensor:
    if isinstance(values, Tensor):
        return values
    array = np.asarray(values)
    if array.dtype != np.uint8 or array.ndim != 3:
        raise InputError(f"MS-SSIM of {array.dtype} {array.shape}: give uint8 arrays (H, W, C) or tensors (B, C, H, W)")
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None].float()


def _range(x: Any, y: Any, data_range: float) -> float:
    if isinstance(x, Tensor) != isinstance(y, Tensor):
        raise InputError("MS-SSIM of an array and a tensor: give two of one kind")
    return data_range if isinstance(x, Tensor) else 255.0


def _check(x: Tensor, y: Tensor, scales: int) -> None:
    if x.shape != y.shape or x.ndim != 4 or not x.is_floating_point() or not y.is_floating_point():
        raise InputError(f"MS-SSIM of {x.dtype} {tuple(x.shape)} and {y.dtype} {tuple(y.shape)}; "
                         "two float tensors (B, C, H, W) of one shape are needed")  # fmt: skip
    if not 1 <= scales <= len(WEIGHTS):
        raise InputError(f"MS-SSIM with {scales} scales; allowed: 1 to {len(WEIGHTS)}")
    possible = scales_for(*x.shape[2:])
    if scales > possible:
        raise InputError(
            f"MS-SSIM with {scales} scales needs a shorter side above {(WINDOW - 1) * 2 ** (scales - 1)} pixels; this "
            f"picture of {x.shape[2]}x{x.shape[3]} has room for {possible} (scales={possible})"
        )


def _gaussian_window(x: Tensor) -> Tensor:
    position = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    window = torch.exp(-(position**2) / (2 * SIGMA**2))
    return (window / window.sum()).expand(x.shape[1], 1, 1, WINDOW)


def _blur(x: Tensor, window: Tensor) -> Tensor:
    x = functional.conv2d(x, window.transpose(2, 3), groups=x.shape[1])
    return functional.conv2d(x, window, groups=x.shape[1])


def _similarities(x: Tensor, y: Tensor, window: Tensor, data_range: float) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure part, mean over positions, each (B, C)."""
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    mean_x, mean_y = _blur(x, window), _blur(y, window)
    variance_x = _blur(x * x, window) - mean_x**2
    variance_y = _blur(y * y, window) - mean_y**2
    covariance = _blur(x * y, window) - mean_x * mean_y
    contrast = (2 * covariance + c2) / (variance_x + variance_y + c2)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * contrast).mean(dim=(2, 3)), contrast.mean(dim=(2, 3))


def _power(base: Tensor, exponent: Tensor) -> Tensor:
    # The derivative of 0^w is infinite for w < 1 and would make every gradient NaN; below 0 it is cut to 0.
    positive = base > 0
    return torch.where(positive, torch.where(positive, base, 1.0) ** exponent, 0.0)
