# SPDX-License-Identifier: Apache-2.0
"""Reading a `.tnf` file: every byte is checked, nothing is believed before it is."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tinify.container import varint
from tinify.container.header import Head, read_head
from tinify.container.index import unpack_index
from tinify.container.layout import (
    CODEC_KINDS,
    CRITICAL,
    INDEX,
    MAX_ELEMENTS,
    MAX_SECTION,
    METADATA,
    SECTION_NAMES,
    Section,
    TnfFile,
    is_known,
)
from tinify.container.metadata import unpack_metadata
from tinify.errors import FormatError, LimitError


@dataclass(frozen=True)
class _Span:
    kind: int
    start: int
    end: int
    crc: int


def unpack(data: bytes | bytearray | memoryview, *, max_elements: int = MAX_ELEMENTS) -> TnfFile:
    """The file that the bytes hold, after all of them are checked.

    Sections of an unknown kind are left out, unless they are critical, which is a FormatError. `max_elements` bounds
    the shape, for a service that reads files of strangers. Raises FormatError (damaged, cut off, not a .tnf file, made
    by a later version) and LimitError (a declared size beyond the limits; checked before anything is allocated).
    """
    view = memoryview(data).cast("B")
    head = read_head(view, max_elements)
    spans = list(_spans(view, head))
    for span in spans:
        if span.kind & CRITICAL and not is_known(span.kind):
            raise FormatError(
                f"the file needs a feature that this tinify does not have (critical section of kind "
                f"{span.kind & ~CRITICAL}): upgrade tinify (pip install -U tinify-codec) to read it"
            )
    kept = tuple(Section(s.kind, bytes(view[s.start : s.end])) for s in spans if is_known(s.kind))
    return replace(head.file, sections=kept)


def inspect(data: bytes | bytearray | memoryview) -> dict:
    """What the file says of itself, as values that JSON can hold; all checks of `unpack`, nothing is decoded.

    Unknown critical sections are listed, not refused. `overhead_bytes` is everything but the data of the sections.
    """
    view = memoryview(data).cast("B")
    head = read_head(view)
    spans = list(_spans(view, head))
    file = head.file
    return {
        "format": "tnf",
        "version": f"{head.version[0]}.{head.version[1]}",
        "bytes": len(view),
        "header_bytes": head.end,
        "overhead_bytes": len(view) - sum(span.end - span.start for span in spans),
        "modality": file.modality,
        "codec": file.codec,
        "fingerprint": file.fingerprint.hex(),
        "shape": list(file.shape),
        "dtype": file.dtype,
        "params": file.params.hex(),
        "sections": [_describe(view, span) for span in spans],
    }


def _spans(view: memoryview, head: Head) -> Iterator[_Span]:
    position, crc = head.end, head.crc
    for number in range(head.sections):
        if position >= len(view):
            raise FormatError(f"the file ends before section {number + 1} of {head.sections}: it is cut off")
        kind, lead = view[position], position
        length, start = varint.get(view, position + 1)
        if length > MAX_SECTION:
            raise LimitError(f"section {number + 1} declares {length} bytes; at most {MAX_SECTION} are allowed")
        position = start + length + 4
        if position > len(view):
            raise FormatError(
                f"section {number + 1} of {head.sections} needs {length + 4} bytes and {len(view) - start} are left: "
                "the file is cut off"
            )
        end = start + length
        crc = zlib.crc32(view[lead:end], crc)
        if int.from_bytes(view[end:position], "little") != crc:
            raise FormatError(f"section {number + 1} of {head.sections} does not match its CRC: the file is damaged")
        yield _Span(kind, start, end, crc)
    if position != len(view):
        raise FormatError(f"{len(view) - position} bytes follow the end of the file: they are not part of it")


def _describe(view: memoryview, span: _Span) -> dict:
    number = span.kind & ~CRITICAL
    name = SECTION_NAMES.get(number, "codec's own" if number in CODEC_KINDS else "unknown")
    record = {
        "kind": number,
        "name": name,
        "critical": bool(span.kind & CRITICAL),
        "offset": span.start,
        "bytes": span.end - span.start,
        "crc32": f"{span.crc:08x}",
    }
    if number == METADATA:
        record["entries"] = {
            key: len(value) for key, value in unpack_metadata(bytes(view[span.start : span.end])).items()
        }
    if number == INDEX:
        record["entries"] = len(unpack_index(bytes(view[span.start : span.end]))) - 1
    return record
