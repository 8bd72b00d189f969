# SPDX-License-Identifier: Apache-2.0
"""Parameters and sections as one run of bytes: the rest of a file after its header fields, and a chunk of a file.

varint  length of the parameters, and these
then each section:
u8      kind, + 0x80 when critical, + 0x40 when it is the last
varint  length of the data, not of the last section: that takes what is left
bytes   data; those of an index end with the CRC-32 of all bytes of the file before it, high byte first: low byte first,
        as at the end of the file, it would reset the CRC of the file, which would then not depend on what is before
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tinify.container import varint
from tinify.container.layout import (
    CRITICAL,
    INDEX,
    LAST,
    MAX_PARAMS,
    MAX_SECTION,
    MAX_SECTIONS,
    Body,
    Section,
    is_known,
)
from tinify.errors import FormatError, LimitError

CRC_BYTES = 4
LEAD_MAX = 1 + varint.MAX_BYTES


@dataclass(frozen=True)
class Span:
    """Where the data of a section lie; of an index without the CRC at its end."""

    kind: int
    start: int
    end: int


def pack_body(params: bytes, sections: Sequence[Section], before: bytes = b"") -> bytes:
    """The bytes that follow `before`, which the CRC of an index counts in. LimitError, FormatError."""
    return open_body(params, sections, before) + (sections[-1].data if sections else b"")


def open_body(params: bytes, sections: Sequence[Section], before: bytes = b"") -> bytes:
    """As `pack_body`, without the data of the last section, which may be written later."""
    if len(params) > MAX_PARAMS:
        raise LimitError(f"{len(params)} bytes of parameters; at most {MAX_PARAMS} are allowed: put them in a section")
    if len(sections) > MAX_SECTIONS:
        raise LimitError(f"{len(sections)} sections; at most {MAX_SECTIONS} are allowed")
    out = bytearray(varint.put(len(params)) + params)
    for number, section in enumerate(sections, 1):
        _check(section)
        if number == len(sections):
            if section.kind & ~CRITICAL == INDEX:
                raise FormatError("an index cannot be the last section: the payload follows it")
            out.append(section.kind | LAST)
            break
        indexed = section.kind & ~CRITICAL == INDEX
        out.append(section.kind)
        out += varint.put(len(section.data) + CRC_BYTES * indexed) + section.data
        if indexed:
            out += zlib.crc32(out, zlib.crc32(before)).to_bytes(CRC_BYTES, "big")
    return bytes(out)


def unpack_body(data: bytes | memoryview) -> Body:
    """Undoes `pack_body` of a chunk. FormatError, LimitError."""
    view = memoryview(data)
    params, position = get_params(view, 0)
    return Body(params, deliver(view, list(spans(view, position))))


def get_params(view: memoryview, position: int) -> tuple[bytes, int]:
    """The parameters and the position after them."""
    length, position = varint.get(view, position)
    if length > MAX_PARAMS or length > len(view) - position:
        raise LimitError(
            f"parameters of {length} bytes are declared; {len(view) - position} are left, {MAX_PARAMS} allowed"
        )
    return bytes(view[position : position + length]), position + length


def spans(view: memoryview, position: int) -> Iterator[Span]:
    """The sections from `position` to the end of `view`."""
    if position == len(view):
        return
    for number in range(1, MAX_SECTIONS + 1):
        if position >= len(view):
            raise FormatError(f"the file ends before section {number}: it is cut off")
        span = get_span(view[position : position + LEAD_MAX], position, len(view))
        if span.kind & ~CRITICAL == INDEX:
            check_head(view[: span.end], view[span.end : span.end + CRC_BYTES])
        yield Span(span.kind & ~LAST, span.start, span.end)
        if span.kind & LAST:
            return
        position = span.end + CRC_BYTES * (span.kind & ~CRITICAL == INDEX)
    raise LimitError(f"there are more sections than {MAX_SECTIONS}, the limit")


def spans_of_start(view: memoryview, position: int) -> Iterator[Span]:
    """As `spans`, of bytes that may be cut off anywhere: the last section ends where they do. Not of an index."""
    for _ in range(MAX_SECTIONS):
        try:
            span = get_span(view[position : position + LEAD_MAX], position, MAX_SECTION)
        except (FormatError, IndexError):
            return
        if span.kind & ~CRITICAL == INDEX:
            return
        yield Span(span.kind & ~LAST, span.start, min(span.end, len(view)))
        if span.kind & LAST or span.end >= len(view):
            return
        position = span.end


def get_span(lead: bytes | memoryview, position: int, end: int) -> Span:
    """The section whose first bytes are `lead`, at `position`; kind still with its LAST bit."""
    kind = lead[0]
    if kind & LAST:
        if kind & ~(LAST | CRITICAL) == INDEX:
            raise FormatError("an index is the last section: the file is damaged")
        return Span(kind, position + 1, end)
    length, used = varint.get(lead, 1)
    if length > MAX_SECTION:
        raise LimitError(f"a section declares {length} bytes; at most {MAX_SECTION} are allowed")
    start = position + used
    if length > end - start:
        raise FormatError(f"a section needs {length} bytes and {end - start} are left: the file is cut off")
    if kind & ~CRITICAL == INDEX:
        if length < CRC_BYTES:
            raise FormatError(f"an index of {length} bytes does not hold its CRC")
        length -= CRC_BYTES
    return Span(kind, start, start + length)


def check_head(before: bytes | memoryview, crc: bytes | memoryview) -> None:
    """FormatError unless the CRC at the end of an index fits what stands before it."""
    if zlib.crc32(before) != int.from_bytes(crc, "big"):
        raise FormatError("the header and the index do not match their CRC: the file is damaged")


def deliver(view: memoryview, found: Sequence[Span]) -> tuple[Section, ...]:
    """Sections of known kinds. FormatError where one of an unknown kind is critical."""
    for span in found:
        if span.kind & CRITICAL and not is_known(span.kind):
            raise FormatError(
                f"the file needs a feature that this tinify does not have (critical section of kind "
                f"{span.kind & ~CRITICAL}): upgrade tinify (pip install -U tinify-codec) to read it"
            )
    return tuple(Section(span.kind, bytes(view[span.start : span.end])) for span in found if is_known(span.kind))


def _check(section: Section) -> None:
    if not 1 <= section.kind & ~CRITICAL < LAST or section.kind > 0xFF:
        raise FormatError(f"section kind {section.kind} is not 1 to 63, with or without the critical bit")
    if len(section.data) > MAX_SECTION:
        raise LimitError(f"a section of {len(section.data)} bytes; at most {MAX_SECTION} are allowed")
