# SPDX-License-Identifier: Apache-2.0
"""Variable-length integers: seven bits a byte, low bits first, the high bit says that more follow (LEB128)."""

from __future__ import annotations

from tinify.errors import FormatError

MAX_BYTES = 9  # 63 bits


def put(value: int) -> bytes:
    """The bytes of an integer in [0, 2**63)."""
    if not 0 <= value < 1 << (7 * MAX_BYTES):
        raise FormatError(f"{value} cannot be written: only integers from 0 to 2**63 - 1 can")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def get(data: bytes | memoryview, position: int) -> tuple[int, int]:
    """(value, position after it). FormatError when cut off, longer than 63 bits, or not the shortest form."""
    value = 0
    for count in range(MAX_BYTES):
        if position >= len(data):
            raise FormatError("the data ends inside a number: it is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if byte == 0 and count:
                raise FormatError("a number is not in its shortest form: the data is damaged")
            return value, position
    raise FormatError(f"a number is longer than {MAX_BYTES} bytes: the data is damaged")
