# SPDX-License-Identifier: Apache-2.0
"""Lists of integers whose number is known, in few bytes: the least, and how far each lies above it."""

from __future__ import annotations

import numpy as np

from tinify.container import varint
from tinify.errors import FormatError


def pack_integers(values: np.ndarray) -> bytes:
    """Varint of the least, folded (2 n, or -2 n - 1 below 0); u8 bits of a number; if any, u8 zeros at the end of each
    number, and the bits, low ones first. int64 in [-2^61, 2^61], at least one."""
    values = np.asarray(values, dtype=np.int64)
    least = int(values.min())
    above = values - least
    head = varint.put(2 * least if least >= 0 else -2 * least - 1)
    every = int(np.bitwise_or.reduce(above))
    if not every:
        return head + b"\0"
    zeros = (every & -every).bit_length() - 1
    width = every.bit_length() - zeros
    bits = ((above[:, None] >> (zeros + np.arange(width))) & 1).astype(np.uint8)
    return head + bytes([width, zeros]) + np.packbits(bits.ravel(), bitorder="little").tobytes()


def get_integers(data: bytes, position: int, count: int) -> tuple[np.ndarray, int]:
    """Undoes `pack_integers`: int64 (count,) and the position after them. FormatError."""
    folded, position = varint.get(data, position)
    least = folded // 2 if folded % 2 == 0 else -(folded + 1) // 2
    width, position = _byte(data, position)
    if not width:
        return np.full(count, least, np.int64), position
    zeros, position = _byte(data, position)
    size = -(-count * width // 8)
    if width + zeros > 62 or size > len(data) - position:
        raise FormatError(f"{len(data) - position} bytes do not hold {count} numbers of {width} bits")
    bits = np.unpackbits(np.frombuffer(data, np.uint8, size, position), bitorder="little")[: count * width]
    weights = np.left_shift(np.int64(1), zeros + np.arange(width, dtype=np.int64))
    return least + bits.reshape(count, width).astype(np.int64) @ weights, position + size


def _byte(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise FormatError("a list of integers is cut off")
    return data[position], position + 1
