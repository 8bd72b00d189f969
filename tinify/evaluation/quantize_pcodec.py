# SPDX-License-Identifier: Apache-2.0
"""The peer of a series codec that anybody can write in ten lines: a uniform grid, then lossless integers by pcodec."""

from __future__ import annotations

import struct

import numpy as np

from tinify.errors import InputError, MissingExtraError
from tinify.metrics.nrmse import nrmse

NAME = "quantize + pcodec"
_HEAD = struct.Struct("<dI")


def encode(series: np.ndarray, step: float | np.ndarray) -> bytes:
    """(T, C) to bytes: each channel's step in 8, its `round(x / step)` with their length in 4. step: one, or (C,).

    MissingExtraError without pcodec; InputError for gaps, or values beyond 64-bit integers on that grid.
    """
    pcodec = _pcodec()
    steps = np.broadcast_to(np.asarray(step, dtype=np.float64), series.shape[1:])
    grid = np.rint(np.asarray(series, dtype=np.float64) / steps)
    if not np.isfinite(grid).all() or np.abs(grid).max(initial=0) >= 2**62:
        raise InputError(f"the series has gaps or values too large for steps of {steps.min():g}")
    channels = [pcodec.standalone.simple_compress(np.ascontiguousarray(column), pcodec.ChunkConfig())
                for column in grid.astype(_narrowest(grid)).T]  # fmt: skip
    pairs = zip(steps, channels, strict=True)
    return b"".join(_HEAD.pack(step, len(data)) + data for step, data in pairs)


def decode(data: bytes) -> np.ndarray:
    """The inverse of `encode`: (T, C) float64. Only for bytes that `encode` made in this process."""
    position, columns = 0, []
    while position < len(data):
        step, size = _HEAD.unpack_from(data, position)
        position += _HEAD.size + size
        columns.append(_pcodec().standalone.simple_decompress(data[position - size : position]) * step)
    return np.stack(columns, axis=1)


def step_of(data: bytes) -> float:
    """The step of the first channel's grid, from bytes that `encode` made."""
    return _HEAD.unpack_from(data)[0]


def encode_to_nrmse(series: np.ndarray, target: float) -> bytes:
    """The smallest file of any of 200 steps whose NRMSE does not exceed `target`.

    Sizes and errors are not monotone in the step, so every step is tried. InputError when none is fine enough.
    """
    spread = np.asarray(series, dtype=np.float64).std(axis=0)
    unit = float(spread.max()) or 1.0
    steps = unit * np.geomspace(max(target, 1e-6) / 4, max(target, 1e-6) * 16, 200)
    if np.issubdtype(np.asarray(series).dtype, np.integer):
        steps = np.append(steps, 1.0)  # without loss
    files = (encode(series, float(step)) for step in steps)
    sound = [data for data in files if nrmse(series, decode(data)) <= target]
    if not sound:
        raise InputError(f"no step gives the series an NRMSE of {target}")
    return min(sound, key=len)


def _narrowest(grid: np.ndarray) -> type:
    largest = np.abs(grid).max(initial=0)
    return np.int16 if largest < 2**15 else np.int32 if largest < 2**31 else np.int64


def _pcodec():
    try:
        import pcodec
    except ImportError as error:
        raise MissingExtraError('quantize + pcodec needs pcodec: pip install "tinify-codec[demo]"') from error
    return pcodec
