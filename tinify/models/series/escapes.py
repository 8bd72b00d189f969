# SPDX-License-Identifier: Apache-2.0
"""Single values that a grid misses: where they are, and their bits."""

from __future__ import annotations

import zlib

import numpy as np

from tinify.container import varint
from tinify.errors import FormatError, LimitError


def pack_escapes(samples: np.ndarray, missed: np.ndarray) -> bytes:
    """The samples (T, C) where `missed` is true, channel after channel: varint count, varints of the values between two
    of them, and their bytes, byte plane after byte plane; all deflated."""
    positions = np.flatnonzero(missed.T)
    between = np.diff(positions, prepend=-1) - 1
    planes = samples.T[missed.T].view(np.uint8).reshape(-1, samples.itemsize).T
    return zlib.compress(varint.put(len(positions)) + _varints(between) + planes.tobytes(), 9)


def restore_escapes(samples: np.ndarray, data: bytes) -> None:
    """Puts the values of `pack_escapes` back into samples (T, C). FormatError, LimitError."""
    rows = samples.shape[0]
    most = varint.MAX_BYTES + samples.size * (varint.MAX_BYTES + samples.itemsize)
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data, most + 1)
    except zlib.error as error:
        raise FormatError(f"the single values are damaged: {error}") from None
    if not stream.eof or len(body) > most:
        raise LimitError("there are more single values than samples")
    count, start = varint.get(body, 0)
    if not 1 <= count <= samples.size:
        raise FormatError(f"{count} single values among {samples.size} samples")
    between, end = _get_varints(np.frombuffer(body, np.uint8), start, count)
    positions = np.cumsum(between + 1) - 1
    if (between >= samples.size).any() or positions[-1] >= samples.size:
        raise FormatError("a single value lies behind the last sample")
    planes = np.frombuffer(body, np.uint8, offset=end)
    if len(planes) != count * samples.itemsize:
        raise FormatError(f"{len(planes)} bytes do not hold {count} single values of {samples.dtype}")
    values = np.ascontiguousarray(planes.reshape(samples.itemsize, count).T).view(samples.dtype).ravel()
    samples[positions % rows, positions // rows] = values


def _varints(values: np.ndarray) -> bytes:
    """Of integers in [0, 2^42), in the form of `varint`."""
    digits = (values[:, None] >> (7 * np.arange(6))) & 0x7F
    length = np.maximum(1, 6 - (digits[:, ::-1] != 0).argmax(axis=1))
    length[values == 0] = 1
    kept = np.arange(6) < length[:, None]
    digits[:, :] |= np.where(np.arange(6) < length[:, None] - 1, 0x80, 0)
    return digits[kept].astype(np.uint8).tobytes()


def _get_varints(data: np.ndarray, start: int, count: int) -> tuple[np.ndarray, int]:
    """(values, position after them). FormatError when they are cut off or too long."""
    ends = start + np.flatnonzero(data[start : start + 9 * count] < 0x80)[:count]
    if len(ends) < count:
        raise FormatError("the places of the single values are cut off")
    starts = np.concatenate([[start], ends[:-1] + 1])
    length = ends - starts + 1
    if length.max() > 6:
        raise FormatError("the place of a single value is too long a number")
    values = np.zeros(count, np.int64)
    for digit in range(int(length.max())):
        here = length > digit
        values[here] |= (data[starts[here] + digit].astype(np.int64) & 0x7F) << (7 * digit)
    return values, int(ends[-1]) + 1
