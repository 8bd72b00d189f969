# SPDX-License-Identifier: Apache-2.0
"""Writing a `.tnf` file."""

from __future__ import annotations

import zlib

from tinify.container.body import CRC_BYTES, open_body
from tinify.container.header import put_head
from tinify.container.layout import TnfFile


def pack(file: TnfFile) -> bytes:
    """The bytes of the file. FormatError or LimitError when a field cannot be written; nothing is cut to fit."""
    start = pack_start(file)
    last = file.sections[-1].data if file.sections else b""
    return b"".join([start, last, zlib.crc32(last, zlib.crc32(start)).to_bytes(CRC_BYTES, "little")])


def pack_start(file: TnfFile) -> bytes:
    """All bytes of the file before the data of its last section; after these only the CRC of them all follows."""
    head = put_head(file)
    return head + open_body(file.params, file.sections, head)
