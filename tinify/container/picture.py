# SPDX-License-Identifier: Apache-2.0
"""The parameters that files of image codecs begin with: rate, entropy coder, whether any machine can decode them.

u16 level of the rate, in 1/256; u8 number of the entropy coder, + 0x80: not portable; perhaps u16 a check of the head
"""

from __future__ import annotations

import struct

from tinify.container.body import unpack_body
from tinify.container.index import EntryReader
from tinify.container.layout import IMAGE, INDEX
from tinify.container.reader import inspect
from tinify.errors import TinifyError

PARAMS, CHECK = struct.Struct("<HB"), struct.Struct("<H")
CODERS = ("rans32", "rans64", "rangecoder")
NOT_PORTABLE = 0x80


def is_portable(data: bytes) -> bool | None:
    """Whether the picture in a file decodes on any machine; None where its parameters do not say that."""
    found = inspect(data)
    if found["modality"] != IMAGE:
        return None
    tiled = any(section["kind"] == INDEX for section in found["sections"])
    params = _first_params(data) if tiled else bytes.fromhex(found["params"])
    if len(params) not in (PARAMS.size, PARAMS.size + CHECK.size):
        return None
    coder = params[PARAMS.size - 1]
    return not coder & NOT_PORTABLE if coder & ~NOT_PORTABLE < len(CODERS) else None


def _first_params(data: bytes) -> bytes:
    """Of the first entry; nothing where entries are not bodies, but what a plugin makes of them."""
    try:
        reader = EntryReader(data)
        return unpack_body(reader[0]).params if len(reader) else b""
    except TinifyError:
        return b""
