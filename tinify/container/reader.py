# SPDX-License-Identifier: Apache-2.0
"""Reading a `.tnf` file: every byte is checked, nothing is believed before it is."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import Any

from tinify.container.body import CRC_BYTES, Span, deliver, spans, spans_of_start
from tinify.container.header import PREFIX, check_prefix, read_head
from tinify.container.index import unpack_index
from tinify.container.layout import (
    CODEC_KINDS,
    CRITICAL,
    INDEX,
    MAX_ELEMENTS,
    MAX_INDEXED,
    METADATA,
    REQUIREMENTS,
    SECTION_NAMES,
    VERSION,
    TnfFile,
)
from tinify.container.metadata import unpack_metadata
from tinify.container.requirements import unpack_requirements
from tinify.errors import FormatError, LimitError


def unpack(data: bytes | bytearray | memoryview, *, max_elements: int = MAX_ELEMENTS) -> TnfFile:
    """The file that the bytes hold, after all of them are checked.

    Sections of an unknown kind are left out, unless they are critical, which is a FormatError. `max_elements` bounds
    the shape, for a service that reads files of strangers. Raises FormatError (damaged, cut off, not a .tnf file, made
    by a later version) and LimitError (a declared size beyond the limits; checked before anything is allocated).
    """
    view = _checked(data)
    head = read_head(view, max_elements)
    return replace(head.file, sections=deliver(view, list(spans(view, head.end))))


def unpack_start(data: bytes | bytearray | memoryview, *, max_elements: int = MAX_ELEMENTS) -> TnfFile:
    """What the beginning of a file holds: its sections as far as the bytes go, of which the last one may be cut off.

    A whole file is checked as by `unpack`. Of any other nothing but its form is checked: that is left to the codec.
    FormatError, LimitError.
    """
    try:
        return unpack(data, max_elements=max_elements)
    except LimitError:
        raise
    except FormatError:
        view = memoryview(data).cast("B")
        head = read_head(view, max_elements)
    return replace(head.file, sections=deliver(view, list(spans_of_start(view, head.end))))


def inspect(data: bytes | bytearray | memoryview) -> dict[str, Any]:
    """What the file says of itself, as values that JSON can hold; all checks of `unpack`, nothing is decoded.

    Unknown critical sections are listed, not refused. `overhead_bytes` is everything but the data of the sections.
    """
    view = _checked(data)
    head = read_head(view, MAX_INDEXED)
    found = list(spans(view, head.end))
    file, size = head.file, len(view) + CRC_BYTES
    return {
        "format": "tnf",
        "version": VERSION,
        "bytes": size,
        "header_bytes": head.end,
        "overhead_bytes": size - sum(span.end - span.start for span in found),
        "modality": file.modality,
        "codec": file.codec,
        "fingerprint": file.fingerprint.hex(),
        "shape": list(file.shape),
        "dtype": file.dtype,
        "params": file.params.hex(),
        "sections": [_describe(view, span) for span in found],
    }


def _checked(data: bytes | bytearray | memoryview) -> memoryview:
    """All but the CRC at the end, which fits it."""
    view = memoryview(data).cast("B")
    check_prefix(view)
    if len(view) < PREFIX + CRC_BYTES:
        raise FormatError(f"the file ends after {len(view)} bytes, inside its header: it is cut off")
    if int.from_bytes(view[-CRC_BYTES:], "little") != zlib.crc32(view[:-CRC_BYTES]):
        raise FormatError("the file does not match its CRC: it is damaged, cut off, or was sent as text")
    return view[:-CRC_BYTES]


def _describe(view: memoryview, span: Span) -> dict[str, Any]:
    number = span.kind & ~CRITICAL
    name = SECTION_NAMES.get(number, "codec's own" if number in CODEC_KINDS else "unknown")
    data = view[span.start : span.end]
    record = {
        "kind": number,
        "name": name,
        "critical": bool(span.kind & CRITICAL),
        "offset": span.start,
        "bytes": len(data),
        "crc32": f"{zlib.crc32(data):08x}",
    }
    if number == METADATA:
        record["entries"] = {key: len(value) for key, value in unpack_metadata(bytes(data)).items()}
    if number == REQUIREMENTS:
        record["distributions"] = list(unpack_requirements(bytes(data)))
    if number == INDEX:
        record["entries"] = len(unpack_index(bytes(data))) - 1
    return record
