# SPDX-License-Identifier: Apache-2.0
"""The peers of an image codec, through Pillow: JPEG, WebP, JPEG 2000, AVIF, each with its usual settings."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinify.errors import InputError, MissingExtraError


@dataclass(frozen=True)
class Baseline:
    """A classical codec: (H, W, 3) uint8 to the bytes of a whole file and back.

    `qualities` are those of a curve; `grid` holds every setting from coarse to fine, for the search of a size;
    `options(quality)` gives what `Image.save` gets.
    """

    name: str
    format: str
    qualities: tuple[float, ...]
    grid: Sequence[float]
    options: Callable[[float], Mapping[str, Any]]

    def encode(self, picture: np.ndarray, quality: float) -> bytes:
        from PIL import Image

        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise InputError(f"{self.name} takes (H, W, 3) uint8, not {picture.dtype} {picture.shape}")
        buffer = io.BytesIO()
        try:
            Image.fromarray(picture).save(buffer, format=self.format, **self.options(quality))
        except KeyError:
            raise MissingExtraError(f"this Pillow was built without {self.format}; pip install -U pillow") from None
        return buffer.getvalue()

    def decode(self, data: bytes) -> np.ndarray:
        from PIL import Image

        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


BASELINES = {
    baseline.name: baseline
    for baseline in (
        # 4:2:0 is every JPEG writer's default; optimised Huffman tables and progressive scans only save bytes.
        Baseline("jpeg", "JPEG", (5, 10, 20, 30, 45, 60, 75, 85, 92, 95), range(1, 96),
                 lambda quality: {"quality": int(quality), "optimize": True, "progressive": True}),
        Baseline("webp", "WEBP", (1, 10, 25, 40, 60, 75, 85, 92, 97), range(101),
                 lambda quality: {"quality": int(quality), "method": 6}),
        # The setting is the PSNR that the encoder aims at; 9/7 wavelet and colour transform.
        Baseline("jpeg2000", "JPEG2000", (25, 27, 29, 31, 33, 35, 37, 40, 43), [q / 10 for q in range(150, 551)],
                 lambda quality: {"quality_mode": "dB", "quality_layers": [quality], "irreversible": True, "mct": 1}),
        Baseline("avif", "AVIF", (5, 15, 30, 45, 55, 65, 75, 85, 92), range(101),
                 lambda quality: {"quality": int(quality), "speed": 6, "subsampling": "4:4:4"}),
    )
}  # fmt: skip


@dataclass(frozen=True)
class SizedFile:
    """What `encode_to_size` found."""

    data: bytes
    quality: float


def encode_to_size(baseline: Baseline, picture: np.ndarray, size: int) -> SizedFile:
    """The coarsest setting whose file has at least `size` bytes, or the finest when none has.

    The peer never gets fewer bytes than it is compared with, so what it loses by is no matter of rounding.
    """
    low, high = 0, len(baseline.grid) - 1
    files: dict[int, bytes] = {}
    while low < high:
        middle = (low + high) // 2
        files[middle] = baseline.encode(picture, baseline.grid[middle])
        low, high = (low, middle) if len(files[middle]) >= size else (middle + 1, high)
    quality = baseline.grid[low]
    return SizedFile(files[low] if low in files else baseline.encode(picture, quality), quality)
