# SPDX-License-Identifier: Apache-2.0
"""Integer sequences, losslessly: differences, then their bytes in planes, squeezed. A regular step costs some bytes.

    u8      order of the differences, 0 to 2
    signed  the first value of each lower order (a length byte, then as many bytes, little-endian)
    signed  the smallest difference;  varint  their common divisor;  u8  bytes of the largest quotient (0 = all alike)
    bytes   squeezed planes of the quotients, when that is not 0

All arithmetic wraps at 64 bits, so that any int64 sequence comes back.
"""

from __future__ import annotations

import numpy as np

from tinify.container import varint
from tinify.errors import FormatError
from tinify.media.squeeze import squeeze, unsqueeze

_ORDERS = (1, 2, 0)
_SAMPLE = 20_000


def encode_integers(values: np.ndarray) -> bytes:
    """int64 (n,) -> bytes; n itself is not stored."""
    values = np.asarray(values, dtype=np.int64)
    if len(values) > _SAMPLE:
        order = min(_ORDERS, key=lambda order: len(_encode(values[:_SAMPLE], order)))
        return _encode(values, order)
    return min((_encode(values, order) for order in _ORDERS), key=len)


def decode_integers(data: bytes, count: int) -> np.ndarray:
    """Undoes `encode_integers` for a sequence of that count. FormatError when the bytes are not such a sequence."""
    order, position = _byte(data, 0)
    if order > 2:
        raise FormatError(f"integer sequence of unknown order {order}: upgrade tinify")
    order = min(order, count)
    firsts = []
    for _ in range(order):
        first, position = _get_signed(data, position)
        firsts.append(first)
    residual = _residual(data, position, count - order) if count > order else np.zeros(0, dtype=np.int64)
    for first in reversed(firsts):
        start = np.array([first], dtype=np.int64)
        residual = np.cumsum(np.concatenate([start, residual]), dtype=np.int64)
    return residual


def _encode(values: np.ndarray, order: int) -> bytes:
    parts = [bytes([order])]
    for _ in range(min(order, len(values))):
        parts.append(_put_signed(int(values[0])))
        values = np.diff(values)
    if not len(values):
        return b"".join(parts)
    low = int(values.min())
    gaps = values.view(np.uint64) - np.uint64(low % (1 << 64))
    divisor = int(np.gcd.reduce(gaps))
    if divisor >= 1 << 63:
        divisor = 1
    quotients = gaps // np.uint64(divisor) if divisor > 1 else gaps
    width = (int(quotients.max()).bit_length() + 7) // 8
    parts += [_put_signed(low), varint.put(divisor), bytes([width])]
    if width:
        planes = quotients.astype("<u8").view(np.uint8).reshape(-1, 8)[:, :width].T
        parts.append(squeeze(planes.tobytes()))
    return b"".join(parts)


def _residual(data: bytes, position: int, count: int) -> np.ndarray:
    low, position = _get_signed(data, position)
    divisor, position = varint.get(data, position)
    width, position = _byte(data, position)
    if width > 8:
        raise FormatError(f"integers of {width} bytes are declared; at most 8 are possible")
    if width == 0:
        return np.full(count, low, dtype=np.int64)
    planes = unsqueeze(data[position:], width * count)
    if len(planes) != width * count:
        raise FormatError(f"{len(planes) // width} integers are there and {count} are needed")
    wide = np.zeros((count, 8), dtype=np.uint8)
    wide[:, :width] = np.frombuffer(planes, dtype=np.uint8).reshape(width, count).T
    values = wide.view("<u8").reshape(-1).astype(np.uint64) * np.uint64(divisor)
    return (values + np.uint64(low % (1 << 64))).view(np.int64)


def _put_signed(value: int) -> bytes:
    raw = value.to_bytes(max(value, ~value).bit_length() // 8 + 1, "little", signed=True)
    return bytes([len(raw)]) + raw


def _get_signed(data: bytes, position: int) -> tuple[int, int]:
    length, position = _byte(data, position)
    if not 1 <= length <= 8 or length > len(data) - position:
        raise FormatError("an integer in the sequence is damaged or cut off")
    return int.from_bytes(data[position : position + length], "little", signed=True), position + length


def _byte(data: bytes, position: int) -> tuple[int, int]:
    if position >= len(data):
        raise FormatError("an integer sequence is cut off")
    return data[position], position + 1
