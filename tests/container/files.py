# SPDX-License-Identifier: Apache-2.0
"""Example files for the container tests, and a way to write what `pack` refuses to."""

import zlib

from tinify.container import (
    ALPHA,
    CRITICAL,
    GAPS,
    INDEX,
    MAGIC,
    METADATA,
    PAYLOAD,
    Section,
    TnfFile,
    pack_entries,
    pack_metadata,
    pack_strings,
)
from tinify.container.layout import LAST
from tinify.container.varint import put

FINGERPRINT = bytes(range(4))


def still_picture() -> TnfFile:
    payload = Section(PAYLOAD, pack_strings([[b"y" * 120], [b"z" * 30]]))
    return TnfFile("image", "photo-hyperprior", FINGERPRINT, (512, 768, 3), "uint8", b"\x01\x02\x03\x04", (payload,))


def every_section() -> TnfFile:
    index, payload = pack_entries([b"first", b"", b"third entry"], common=b"tables")
    sections = (
        Section(METADATA, pack_metadata({"icc": b"\x00profile" * 40, "note": b"n"})),
        Section(GAPS, b"\xff\x00"),
        Section(ALPHA, b""),
        Section(16 | CRITICAL, b"codec's own"),
        index,
        payload,
    )
    return TnfFile("series", "tokenizer", FINGERPRINT, (1000, 3), "float64", b"", sections)


def raw_file(
    fields: bytes, sections: list[tuple[int, bytes]], *, version: int = 1, modality: int = 1, last: bool = True
) -> bytes:
    """A file with right CRCs around any header fields and sections, also such as no writer makes."""
    out = MAGIC + bytes([version << 4 | modality]) + fields
    for number, (kind, data) in enumerate(sections, 1):
        if number == len(sections) and last:
            out += bytes([kind | LAST]) + data
        elif kind & ~CRITICAL == INDEX:
            out += bytes([kind]) + put(len(data) + 4) + data
            out += zlib.crc32(out).to_bytes(4, "big")
        else:
            out += bytes([kind]) + put(len(data)) + data
    return out + zlib.crc32(out).to_bytes(4, "little")


def body(*, codec: bytes = b"\x04demo", shape: bytes = b"\x02\x03", kind: int = 0x21, params: bytes = b"\x00") -> bytes:
    """Header fields, each replaceable by hostile bytes."""
    return codec + FINGERPRINT + bytes([kind]) + shape + params
