# SPDX-License-Identifier: Apache-2.0
"""The metadata section: a mapping from names to bytes, each deflated where that makes it smaller.

varint  number of entries
each:   varint length of the name, the name (ASCII)
        varint 2 * stored bytes + (1 when deflated)
        varint bytes once inflated, only with that flag
        the stored bytes
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from tinify.container import varint
from tinify.container.layout import MAX_METADATA, MAX_METADATA_ENTRIES, MAX_METADATA_NAME, check_name
from tinify.errors import FormatError, LimitError

DEFLATE_RATIO = 1040  # deflate never does better than 1032 : 1


def pack_metadata(entries: Mapping[str, bytes]) -> bytes:
    """The data of a metadata section; names are 1 to 32 printable ASCII characters."""
    if len(entries) > MAX_METADATA_ENTRIES or sum(map(len, entries.values())) > MAX_METADATA:
        raise LimitError(f"metadata is limited to {MAX_METADATA_ENTRIES} entries of {MAX_METADATA} bytes in all")
    out = [varint.put(len(entries))]
    for name, value in entries.items():
        encoded = check_name(name, "metadata name", MAX_METADATA_NAME)
        out += [varint.put(len(encoded)), encoded]
        small = zlib.compress(value, 9)
        if len(small) + len(varint.put(len(value))) < len(value):
            out += [varint.put(2 * len(small) + 1), varint.put(len(value)), small]
        else:
            out += [varint.put(2 * len(value)), bytes(value)]
    return b"".join(out)


def unpack_metadata(data: bytes) -> dict[str, bytes]:
    """Undoes `pack_metadata`. FormatError on damage, LimitError on sizes beyond the limits."""
    count, position = varint.get(data, 0)
    if count > MAX_METADATA_ENTRIES:
        raise LimitError(f"{count} metadata entries are declared; at most {MAX_METADATA_ENTRIES} are allowed")
    entries: dict[str, bytes] = {}
    for _ in range(count):
        name, position = _name(data, position)
        if name in entries:
            raise FormatError(f"metadata entry {name!r} stands twice in the file")
        budget = MAX_METADATA - sum(map(len, entries.values()))
        entries[name], position = _value(data, position, budget)
    if position != len(data):
        raise FormatError(f"{len(data) - position} bytes follow the last metadata entry")
    return entries


def _take(data: bytes, position: int, length: int) -> tuple[bytes, int]:
    if length > len(data) - position:
        raise FormatError(f"metadata needs {length} bytes and {len(data) - position} are left: it is cut off")
    return bytes(data[position : position + length]), position + length


def _name(data: bytes, position: int) -> tuple[str, int]:
    length, position = varint.get(data, position)
    if length > MAX_METADATA_NAME:
        raise LimitError(f"a metadata name of {length} characters is declared; at most {MAX_METADATA_NAME} are allowed")
    raw, position = _take(data, position, length)
    name = raw.decode("ascii", errors="replace")
    check_name(name, "metadata name", MAX_METADATA_NAME)
    return name, position


def _value(data: bytes, position: int, budget: int) -> tuple[bytes, int]:
    stored, position = varint.get(data, position)
    stored, deflated = stored >> 1, stored & 1
    size = stored
    if deflated:
        size, position = varint.get(data, position)
        if size > DEFLATE_RATIO * stored:
            raise LimitError(f"metadata declares {size} bytes out of {stored}, more than deflate can hold")
    if size > budget:
        raise LimitError(f"metadata declares {size} bytes; at most {budget} more are allowed")
    raw, position = _take(data, position, stored)
    return (_inflate(raw, size) if deflated else raw), position


def _inflate(raw: bytes, size: int) -> bytes:
    inflater = zlib.decompressobj()
    try:
        value = inflater.decompress(raw, size + 1)
    except zlib.error as error:
        raise FormatError(f"metadata cannot be inflated: {error}") from error
    if len(value) != size or not inflater.eof or inflater.unused_data:
        raise FormatError(f"metadata inflates to something else than the {size} bytes declared")
    return value
