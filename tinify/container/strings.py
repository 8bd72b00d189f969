# SPDX-License-Identifier: Apache-2.0
"""The strings of a codec (a list over streams of a list over batch items of bytes) as one run of bytes.

varint  2 * streams + (1 when the batch is not of one item)
varint  batch size, only with that flag
varint  length of each string in order, all but the last
bytes   the strings; the last takes what is left
"""

from __future__ import annotations

from collections.abc import Sequence

from tinify.container import varint
from tinify.container.layout import MAX_STREAMS
from tinify.errors import FormatError, LimitError


def pack_strings(strings: Sequence[Sequence[bytes]]) -> bytes:
    """One run of bytes. FormatError when the streams are not all for the same number of batch items."""
    batch = len(strings[0]) if strings else 1
    if any(len(stream) != batch for stream in strings):
        raise FormatError(f"streams hold {[len(s) for s in strings]} batch items; each must hold the same number")
    if len(strings) > MAX_STREAMS:
        raise LimitError(f"{len(strings)} streams; at most {MAX_STREAMS} are allowed")
    flat = [bytes(item) for stream in strings for item in stream]
    head = [varint.put(2 * len(strings) + (batch != 1))]
    if batch != 1:
        head.append(varint.put(batch))
    head += [varint.put(len(item)) for item in flat[:-1]]
    return b"".join(head + flat)


def unpack_strings(data: bytes) -> list[list[bytes]]:
    """Undoes `pack_strings`. FormatError when the bytes are not such a run, LimitError for impossible counts."""
    streams, position = varint.get(data, 0)
    streams, many = streams >> 1, streams & 1
    batch = 1
    if many:
        batch, position = varint.get(data, position)
    count = streams * batch
    if streams > MAX_STREAMS or count - 1 > len(data) - position:
        raise LimitError(f"{streams} streams of {batch} strings are declared in {len(data)} bytes")
    if count == 0:
        if position != len(data):
            raise FormatError(f"{len(data) - position} bytes follow an empty list of strings")
        return [[] for _ in range(streams)]
    return _split(data, position, streams, batch)


def unpack_first_strings(data: bytes) -> list[list[bytes]]:
    """As `unpack_strings`, of bytes that may be cut off: the streams that are there as a whole, of one item each.

    Of the last stream nobody knows where it should end: it is whatever is left."""
    streams, position = varint.get(data, 0)
    if streams & 1 or not 0 < streams >> 1 <= MAX_STREAMS:
        raise FormatError(f"{streams >> 1} streams; allowed of a file that is cut off: 1 to {MAX_STREAMS} of one item")
    lengths = []
    for _ in range((streams >> 1) - 1):
        length, position = varint.get(data, position)
        lengths.append(length)
    found: list[list[bytes]] = []
    for length in lengths:
        if length > len(data) - position:
            return found
        found.append([bytes(data[position : position + length])])
        position += length
    return [*found, [bytes(data[position:])]]


def _split(data: bytes, position: int, streams: int, batch: int) -> list[list[bytes]]:
    lengths = []
    for _ in range(streams * batch - 1):
        length, position = varint.get(data, position)
        lengths.append(length)
    rest = len(data) - position - sum(lengths)
    if rest < 0:
        raise FormatError(f"the strings need {-rest} bytes more than there are: the payload is cut off")
    flat = []
    for length in [*lengths, rest]:
        flat.append(bytes(data[position : position + length]))
        position += length
    return [flat[start : start + batch] for start in range(0, len(flat), batch)]
