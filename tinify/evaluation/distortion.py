# SPDX-License-Identifier: Apache-2.0
"""What a decoded signal lost, in every measure that it has."""

from __future__ import annotations

import numpy as np
import torch

from tinify.errors import InputError
from tinify.metrics.max_error import max_error
from tinify.metrics.ms_ssim import ms_ssim, scales_for
from tinify.metrics.nrmse import nrmse
from tinify.metrics.psnr import psnr
from tinify.rate_search import decoded_psnr
from tinify.signal import PEAKS, Signal

_ALL_SCALES = scales_for(1 << 20, 1 << 20)


def distortion(modality: str, original: np.ndarray, restored: np.ndarray) -> dict[str, float | None]:
    """Fields of a `Point`. Of a picture (H, W, C) the colours: psnr_rgb with the peak of the type, ms_ssim, None where
    it is too small; of a series (T, C) psnr with each channel's range as peak. nrmse in units of each channel's
    deviation, max_error in the unit of the samples. Gaps (NaN, inf) are left out; InputError where they differ."""
    if original.shape != restored.shape:
        raise InputError(f"samples of shape {original.shape} came back as {restored.shape}")
    if modality == "image":
        return _of_picture(*(samples[:, :, : 3 if samples.shape[2] > 2 else 1] for samples in (original, restored)))
    x, y = (np.where(np.isfinite(a), a, np.nan) for a in (original.astype(np.float64), restored.astype(np.float64)))
    decibels = decoded_psnr(Signal(modality, x), Signal(modality, y))
    return {"psnr": decibels, "nrmse": nrmse(x, y), "max_error": max_error(x, y)}


def _of_picture(x: np.ndarray, y: np.ndarray) -> dict[str, float | None]:
    measurable = scales_for(*x.shape[:2]) == _ALL_SCALES
    channels = x.shape[2]
    return {
        "psnr_rgb": psnr(x, y, PEAKS.get(x.dtype.name)),
        "ms_ssim": _ms_ssim(x, y) if measurable else None,
        "nrmse": nrmse(x.reshape(-1, channels), y.reshape(-1, channels)),
        "max_error": max_error(x, y),
    }


def _ms_ssim(x: np.ndarray, y: np.ndarray) -> float:
    if x.dtype == np.uint8:
        return float(ms_ssim(x, y))
    peak = PEAKS[x.dtype.name]
    pictures = (torch.from_numpy(a.astype(np.float32).transpose(2, 0, 1))[None] / peak for a in (x, y))
    return float(ms_ssim(*pictures))
