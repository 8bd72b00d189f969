# SPDX-License-Identifier: Apache-2.0
"""A picture like a photo, and a codec so simple that its figures are known."""

import zlib

import numpy as np


def photo(height: int = 176, width: int = 192, seed: int = 0) -> np.ndarray:
    """Smooth shapes with some grain, (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:height, :width]
    waves = [np.sin(row / (9 + 4 * k) + seed) * np.cos(column / (13 + 3 * k)) for k in range(3)]
    grain = rng.normal(scale=6, size=(height, width, 3))
    return np.clip(128 + 80 * np.stack(waves, axis=2) + grain, 0, 255).astype(np.uint8)


class Coarse:
    """Drops low bits and deflates: quality 1 to 8 is the number of bits kept."""

    name = "coarse"

    def encode(self, picture: np.ndarray, quality: float) -> bytes:
        step = 1 << (8 - int(quality))
        header = np.array([*picture.shape[:2], step], np.uint16).tobytes()
        return header + zlib.compress((picture // step).tobytes())

    def decode(self, data: bytes) -> np.ndarray:
        height, width, step = np.frombuffer(data[:6], np.uint16)
        coarse = np.frombuffer(zlib.decompress(data[6:]), np.uint8).reshape(height, width, 3)
        return (coarse * np.uint16(step) + step // 2).astype(np.uint8)


class Estimating(Coarse):
    def estimate_bits(self, picture: np.ndarray, quality: float) -> float:
        return 1000.0 * quality
