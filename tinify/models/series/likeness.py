# SPDX-License-Identifier: Apache-2.0
"""Which channel of a series each one resembles most, as a side note of a file."""

from __future__ import annotations

import numpy as np

from tinify.errors import FormatError

_ROWS = 1 << 13
_LEAST = 0.1  # correlation below which a channel has no companion


def reference_of(z: np.ndarray) -> np.ndarray:
    """(C,) int32: the channel whose differences correlate most with this one's in z (T, C), or -1."""
    rows, channels = z.shape
    if channels < 2 or rows < 3:
        return np.full(channels, -1, np.int32)
    start = max(0, (rows - _ROWS) // 2)
    moves = np.diff(z[start : start + _ROWS].astype(np.float64), axis=0)
    moves -= moves.mean(axis=0)
    size = np.sqrt(np.einsum("tc,tc->c", moves, moves))
    moves /= np.where(size > 0, size, 1.0)
    likeness = np.abs(moves.T @ moves)
    np.fill_diagonal(likeness, 0.0)
    best = likeness.argmax(axis=1)
    return np.where(likeness.max(axis=1) >= _LEAST, best, -1).astype(np.int32)


def pack_reference(reference: np.ndarray) -> bytes:
    """Nothing when no channel has a companion, else one or two bytes a channel."""
    if (reference < 0).all():
        return b""
    return (reference + 1).astype("<u1" if len(reference) < 255 else "<u2").tobytes()


def unpack_reference(data: bytes, channels: int) -> np.ndarray:
    """Undoes `pack_reference`. FormatError when the bytes name channels that are not there."""
    if not data:
        return np.full(channels, -1, np.int32)
    kind = np.dtype("<u1" if channels < 255 else "<u2")
    if len(data) != channels * kind.itemsize:
        raise FormatError(f"{len(data)} bytes do not name a companion for each of {channels} channels")
    reference = np.frombuffer(data, kind).astype(np.int32) - 1
    if (reference >= channels).any() or (reference == np.arange(channels)).any():
        raise FormatError("a channel's companion is not another channel")
    return reference
