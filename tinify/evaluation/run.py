# SPDX-License-Identifier: Apache-2.0
"""One codec over a folder of pictures at several qualities, from real files."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from tinify.errors import InputError
from tinify.evaluation.curves import Curve, Point
from tinify.metrics.ms_ssim import ms_ssim, scales_for
from tinify.metrics.psnr import psnr


class PictureCodec(Protocol):
    """What a run needs; `TnfCodec` and `Baseline` are two. `estimate_bits(picture, quality)` is optional."""

    name: str

    def encode(self, picture: np.ndarray, quality: float) -> bytes: ...
    def decode(self, data: bytes) -> np.ndarray: ...


def read_pictures(folder: str | os.PathLike, limit: int | None = None) -> dict[str, np.ndarray]:
    """(H, W, 3) uint8 by file name, in the order of names; InputError when there is none."""
    from PIL import Image

    kinds = {".png", ".webp", ".bmp", ".ppm", ".tif", ".tiff"}
    folder = Path(folder)
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in kinds) if folder.is_dir() else []
    if not paths:
        raise InputError(f"no pictures in {folder}; lossless ones are needed ({', '.join(sorted(kinds))})")
    return {path.name: np.asarray(Image.open(path).convert("RGB")) for path in paths[:limit]}


def evaluate(
    codec: PictureCodec,
    pictures: dict[str, np.ndarray],
    qualities: Sequence[float],
    progress: Callable[[str], None] = lambda name: None,
) -> list[Curve]:
    """A curve for each picture, named as it; `progress` is called with each name when it is done.

    bpp = 8 * size of the file / pixels; PSNR and MS-SSIM of the decoded 8-bit picture; seconds of encode and decode,
    with the codec in memory and without reading or writing the disk.
    """
    curves = []
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in pictures.items():
            path = Path(folder) / "file"
            curves.append(Curve(name, tuple(measure(codec, picture, quality, path) for quality in qualities)))
            progress(name)
    return curves


def measure(codec: PictureCodec, picture: np.ndarray, quality: float, path: Path) -> Point:
    """One picture at one quality, through a file at `path`."""
    start = time.perf_counter()
    data = codec.encode(picture, quality)
    encoded = time.perf_counter()
    path.write_bytes(data)
    stored = path.read_bytes()
    ready = time.perf_counter()
    restored = codec.decode(stored)
    done = time.perf_counter()
    pixels = picture.shape[0] * picture.shape[1]
    estimate = getattr(codec, "estimate_bits", None)
    measurable = scales_for(*picture.shape[:2]) == scales_for(1 << 20, 1 << 20)
    return Point(
        bpp=8 * path.stat().st_size / pixels,
        psnr_rgb=psnr(picture, restored),
        ms_ssim=float(ms_ssim(picture, restored)) if measurable else None,
        quality=float(quality),
        estimated_bpp=estimate(picture, quality) / pixels if estimate else None,
        encode_s=encoded - start,
        decode_s=done - ready,
    )
