# SPDX-License-Identifier: Apache-2.0
"""A codec in place of tinify's, small pictures and series: the demo is tested without weights."""

import io

import numpy as np
from PIL import Image

from tinify.demo.samples import Photo, Recording


class Fake:
    """Pictures as WebP behind one letter, series by every fourth sample; counts its calls."""

    def __init__(self):
        self.calls = 0

    def compress(self, x, *, quality=None) -> bytes:
        self.calls += 1
        buffer = io.BytesIO()
        if x.dtype == np.uint8:
            Image.fromarray(x).save(buffer, format="WEBP", quality=int(quality if quality is not None else 50))
            return b"I" + buffer.getvalue()
        np.save(buffer, x[::4])
        return b"S" + buffer.getvalue()

    def decompress(self, data: bytes) -> np.ndarray:
        if data[:1] == b"I":
            return np.asarray(Image.open(io.BytesIO(data[1:])).convert("RGB"))
        return np.repeat(np.load(io.BytesIO(data[1:])), 4, axis=0)


def small_photo() -> Photo:
    row, column = np.mgrid[:180, :200]
    grain = np.random.default_rng(0).normal(scale=9, size=(180, 200, 3))
    pixels = (128 + 60 * np.sin(row / 9) * np.cos(column / 13))[:, :, None] + grain
    pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return Photo("waves", pixels, buffer.getvalue(), "nobody & co", ((0, 0), (80, 100)))


def small_recording() -> Recording:
    samples = (100 * np.sin(np.arange(400) / 15)).astype(np.int32)[:, None]
    return Recording("sine", samples, "nobody", (100, 180))
