# SPDX-License-Identifier: Apache-2.0
"""One codec over signals at several settings, from real files."""

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
from tinify.evaluation.distortion import distortion
from tinify.evaluation.memory import PeakMemory
from tinify.evaluation.setting import Bound, Setting
from tinify.rate_search import count_samples


class Subject(Protocol):
    """What a run needs; `TnfCodec` and `Peer` are two. `modality` is "image" where there is none;
    `estimate_bits(picture, quality)` is optional."""

    name: str

    def encode(self, samples: np.ndarray, setting: Setting) -> bytes: ...
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
    codec: Subject,
    signals: dict[str, np.ndarray],
    settings: Sequence[Setting],
    progress: Callable[[str], None] = lambda name: None,
    estimate: bool = True,
) -> list[Curve]:
    """A curve for each signal, named as it; `progress` is called with each name when it is done.

    bpp = 8 * size of the file / pixels, or numbers of a series; distortion of what was decoded from that file; seconds
    of encode and decode, with the codec in memory and without reading or writing the disk, and by how much the memory
    of the process rose meanwhile.
    """
    curves = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        for name, samples in signals.items():
            points = tuple(measure(codec, samples, setting, path, estimate) for setting in settings)
            curves.append(Curve(name, points))
            progress(name)
    return curves


def measure(codec: Subject, samples: np.ndarray, setting: Setting, path: Path, estimate: bool = True) -> Point:
    """One signal at one setting, through a file at `path`."""
    modality = getattr(codec, "modality", "image")
    with PeakMemory() as encoding:
        start = time.perf_counter()
        data = codec.encode(samples, setting)
        encoded = time.perf_counter()
    path.write_bytes(data)
    stored = path.read_bytes()
    with PeakMemory() as decoding:
        ready = time.perf_counter()
        restored = codec.decode(stored)
        done = time.perf_counter()
    count = count_samples(modality, samples.shape)
    bounded = isinstance(setting, Bound)
    guess = getattr(codec, "estimate_bits", None) if estimate and not bounded and modality == "image" else None
    return Point(
        bpp=8 * path.stat().st_size / count,
        quality=None if bounded else float(setting),
        bound=str(setting) if bounded else None,
        estimated_bpp=guess(samples, setting) / count if guess else None,
        encode_s=encoded - start,
        decode_s=done - ready,
        encode_mb=encoding.megabytes,
        decode_mb=decoding.megabytes,
        **distortion(modality, samples, restored),
    )
