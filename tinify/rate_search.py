# SPDX-License-Identifier: Apache-2.0
"""The quality that meets a target, found by bisection over real files."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinify import container
from tinify.errors import InputError
from tinify.signal import PEAKS, Signal

LOWEST, HIGHEST = 0.0, 100.0
STEPS = 9  # a quality to within 0.2
CLOSE = 0.99  # of the target rate: near enough to stop
SIZE_STEPS, SIZE_CLOSE = 12, 0.998  # where bytes are what is asked for


def samples_of(signal: Signal) -> int:
    """What bits are counted per: pixels of an image, numbers of any other signal."""
    return count_samples(signal.modality, signal.samples.shape)


def count_samples(modality: str, shape: tuple[int, ...]) -> int:
    """As `samples_of`, of a signal of that shape."""
    return math.prod(shape[:2] if modality == "image" else shape)


def bits_per_sample(data: bytes, signal: Signal) -> float:
    """Bits of the whole file for each pixel, or for each number of a series; inf for an empty signal."""
    count = samples_of(signal)
    return 8 * len(data) / count if count else math.inf


def pack_to_rate(codec: Any, signal: Signal, target_bpp: float, **options: Any) -> bytes:
    """The best file of at most `target_bpp` bits per sample. InputError when even quality 0 needs more.

    `options` are for `codec.pack`.
    """

    def rate_of(data: bytes) -> float:
        return bits_per_sample(data, signal)

    at = _packer(codec, signal, options)
    smallest = at(LOWEST)
    if rate_of(smallest) > target_bpp:
        raise InputError(
            f"{target_bpp:g} bpp cannot be reached: at quality 0 the file has {len(smallest)} bytes, "
            f"{rate_of(smallest):.4g} bpp; ask for more, or choose another codec"
        )
    return _best_within(at, smallest, rate_of, target_bpp, STEPS, CLOSE)


def pack_to_bytes(codec: Any, signal: Signal, max_bytes: int, **options: Any) -> bytes:
    """The best file of at most `max_bytes` in all. InputError, with the least that can be had, when quality 0 has more.

    `options` are for `codec.pack`.
    """
    at = _packer(codec, signal, options)
    smallest = at(LOWEST)
    if len(smallest) > max_bytes:
        raise InputError(
            f"{max_bytes} bytes cannot be reached: the smallest file, at quality 0, has {len(smallest)} bytes; ask for "
            "more, or choose another codec"
        )
    return _best_within(at, smallest, len, max_bytes, SIZE_STEPS, SIZE_CLOSE)


def _best_within(
    at: Callable[[float], bytes], best: bytes, rate_of: Callable, most: float, steps: int, close: float
) -> bytes:
    """The file of the highest quality whose rate is at most `most`; `best`, of the lowest quality, has no more."""
    largest = at(HIGHEST)
    if rate_of(largest) <= most:
        return largest
    low, high = LOWEST, HIGHEST
    for _ in range(steps):
        middle = (low + high) / 2
        data = at(middle)
        if rate_of(data) > most:
            high = middle
            continue
        best, low = data, middle
        if rate_of(data) >= close * most:
            break
    return best


def pack_to_psnr(codec: Any, signal: Signal, target_db: float, **options: Any) -> bytes:
    """The smallest file whose decoded signal has at least `target_db`. InputError when quality 100 has less.

    `options` are for `codec.pack`.
    """
    at = _packer(codec, signal, options)

    def quality_of(data: bytes) -> float:
        return decoded_psnr(signal, codec.unpack(container.unpack(data)))

    best = at(HIGHEST)
    reached = quality_of(best)
    if reached < target_db:
        raise InputError(
            f"{target_db:g} dB cannot be reached: at quality 100 it is {reached:.2f} dB; ask for less, or "
            "choose another codec"
        )
    low, high = LOWEST, HIGHEST
    smallest = at(LOWEST)
    if quality_of(smallest) >= target_db:
        return smallest
    for _ in range(STEPS):
        middle = (low + high) / 2
        data = at(middle)
        if quality_of(data) >= target_db:
            best, high = data, middle
        else:
            low = middle
    return best


def decoded_psnr(original: Signal, restored: Signal) -> float:
    """Peak signal-to-noise ratio in dB: of a picture's colours (alpha is kept exactly) with the peak of their type; of
    a series with the range of each channel as its peak, the mean square taken over all channels, gaps left out."""
    x, y = original.samples, restored.samples
    if original.modality == "image":
        from tinify.metrics.psnr import psnr

        colours = 1 if x.shape[2] < 3 else 3
        return psnr(x[:, :, :colours], y[:, :, :colours], PEAKS.get(str(x.dtype)))
    from tinify.metrics.nrmse import nrmse

    x, y = (np.where(np.isfinite(a), a, np.nan) for a in (x.astype(np.float64), y.astype(np.float64)))
    error = nrmse(x, y, scale=_ranges(x))
    return math.inf if error == 0 else -20 * math.log10(error)


def _ranges(x: np.ndarray) -> np.ndarray:
    known = np.isfinite(x)
    top = np.where(known, x, -np.inf).max(axis=0, initial=-np.inf)
    spread = top - np.where(known, x, np.inf).min(axis=0, initial=np.inf)
    return np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)


def _packer(codec: Any, signal: Signal, options: dict[str, Any]) -> Callable[[float], bytes]:
    def pack(quality: float) -> bytes:
        return container.pack(container.with_requirements(codec.pack(signal, quality=quality, **options), codec))

    return pack
