# SPDX-License-Identifier: Apache-2.0
"""Samples as they are, deflated: for what is too short or too wild to gain from a codec."""

from __future__ import annotations

import zlib

import numpy as np

from tinify.errors import FormatError

_PROBE_VALUES = 1 << 15


def deflate(samples: np.ndarray) -> bytes:
    """(T, C) numbers, byte plane after byte plane: bytes of equal weight side by side deflate better."""
    planes = np.ascontiguousarray(samples.T).view(np.uint8).reshape(-1, samples.itemsize) if samples.size else samples
    return zlib.compress(planes.T.tobytes(), 6)


def deflated_size(samples: np.ndarray) -> float:
    """About the bytes of `deflate`, from some rows: deflating all would take longer than a codec does."""
    rows = max(1, _PROBE_VALUES // max(samples.shape[1], 1))
    start = (len(samples) - rows) // 2
    probe = samples if len(samples) <= 2 * rows else samples[start : start + rows]
    return len(deflate(probe)) * samples.size / max(probe.size, 1)


def inflate(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Undoes `deflate`. FormatError when the bytes are not samples of that shape and type."""
    size = shape[0] * shape[1] * dtype.itemsize
    stream = zlib.decompressobj()
    try:
        planes = stream.decompress(data, size + 1)
    except zlib.error as error:
        raise FormatError(f"the samples are damaged: {error}") from None
    if len(planes) != size or not stream.eof:
        raise FormatError(f"the samples are not {shape} of {dtype}")
    numbers = np.frombuffer(planes, np.uint8).reshape(dtype.itemsize, -1).T.copy().view(dtype)
    return np.ascontiguousarray(numbers.reshape(shape[1], shape[0]).T)
