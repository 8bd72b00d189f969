# SPDX-License-Identifier: Apache-2.0
"""Writing a `.tnf` file."""

from __future__ import annotations

import zlib

from tinify.container import varint
from tinify.container.layout import (
    CRITICAL,
    DTYPES,
    FINGERPRINT_BYTES,
    MAGIC,
    MAJOR,
    MAX_HEADER,
    MAX_NAME,
    MAX_SECTION,
    MAX_SECTIONS,
    MINOR,
    MODALITIES,
    TnfFile,
    check_name,
    check_shape,
)
from tinify.errors import FormatError, LimitError


def pack(file: TnfFile) -> bytes:
    """The bytes of the file. FormatError or LimitError when a field cannot be written; nothing is cut to fit."""
    body = _header_body(file)
    prefix = MAGIC + bytes([MAJOR << 4 | MINOR, MODALITIES.get(file.modality, 0)])
    head = prefix + varint.put(len(body)) + body
    crc = zlib.crc32(head)
    out = [head, crc.to_bytes(4, "little")]
    for section in file.sections:
        if not 1 <= section.kind & ~CRITICAL < 64 or section.kind > 0xFF:
            raise FormatError(f"section kind {section.kind} is not 1 to 63, with or without the critical bit")
        if len(section.data) > MAX_SECTION:
            raise LimitError(f"a section of {len(section.data)} bytes; at most {MAX_SECTION} are allowed")
        lead = bytes([section.kind]) + varint.put(len(section.data))
        # One running CRC: a section that is moved, doubled or taken from another file does not fit its place.
        crc = zlib.crc32(section.data, zlib.crc32(lead, crc))
        out += [lead, section.data, crc.to_bytes(4, "little")]
    return b"".join(out)


def _header_body(file: TnfFile) -> bytes:
    codec = check_name(file.codec, "codec name", MAX_NAME)
    shape = tuple(int(size) for size in file.shape)
    if len(file.fingerprint) != FINGERPRINT_BYTES:
        raise FormatError(f"the fingerprint has {len(file.fingerprint)} bytes; it must have {FINGERPRINT_BYTES}")
    if file.dtype not in DTYPES:
        raise FormatError(f"dtype {file.dtype!r} cannot be written; one of {', '.join(DTYPES)} can")
    if any(size < 0 for size in shape):
        raise FormatError(f"shape {shape} has a negative size")
    check_shape(shape)
    if len(file.sections) > MAX_SECTIONS:
        raise LimitError(f"{len(file.sections)} sections; at most {MAX_SECTIONS} are allowed")
    named = b""
    if file.modality not in MODALITIES:
        modality = check_name(file.modality, "modality", MAX_NAME)
        named = varint.put(len(modality)) + modality
    body = b"".join(
        [
            named,
            varint.put(len(codec)),
            codec,
            file.fingerprint,
            bytes([len(shape) << 4 | DTYPES.index(file.dtype)]),
            *map(varint.put, shape),
            varint.put(len(file.params)),
            file.params,
            varint.put(len(file.sections)),
        ]
    )
    if len(body) > MAX_HEADER:
        raise LimitError(f"a header of {len(body)} bytes; at most {MAX_HEADER} are allowed: put data in a section")
    return body
