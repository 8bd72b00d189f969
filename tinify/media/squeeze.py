# SPDX-License-Identifier: Apache-2.0
"""Small lossless packing for what travels beside the samples: stored, deflate or LZMA, whichever is smallest.

varint  4 * bytes once unpacked + method (0 stored, 1 raw deflate, 2 raw LZMA2 with an 8 MiB window)
"""

from __future__ import annotations

import lzma
import zlib

from tinify.container import varint
from tinify.errors import FormatError, LimitError

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 23}]
# Below this LZMA cannot win.
_LZMA_FROM = 64


def squeeze(data: bytes, hint: bytes = b"") -> bytes:
    """The shortest of the three forms. `hint`: text like the data, which deflate may refer to; part of the format."""
    forms = [(0, data), (1, _deflate(data, hint))]
    if len(data) >= _LZMA_FROM:
        forms.append((2, lzma.compress(data, lzma.FORMAT_RAW, filters=_FILTERS)))
    method, best = min(forms, key=lambda form: len(form[1]))
    return varint.put(4 * len(data) + method) + best


def _deflate(data: bytes, hint: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, zdict=hint)
    return packer.compress(data) + packer.flush()


def unsqueeze(data: bytes, limit: int, hint: bytes = b"") -> bytes:
    """Undoes `squeeze`, given the same hint; LimitError beyond `limit` bytes, FormatError when it is damaged."""
    size, position = varint.get(data, 0)
    size, method = size >> 2, size & 3
    if size > limit:
        raise LimitError(f"{size} bytes are declared; at most {limit} are allowed here")
    raw = data[position:]
    if method == 0:
        value, complete = raw, True
    elif method == 3:
        raise FormatError("unknown packing method 3: upgrade tinify")
    else:
        value, complete = _unpack(raw, size, method, hint)
    if len(value) != size or not complete:
        raise FormatError(f"packed data gives something else than the {size} bytes declared")
    return value


def _unpack(raw: bytes, size: int, method: int, hint: bytes) -> tuple[bytes, bool]:
    deflated = method == 1
    unpacker = zlib.decompressobj(-15, hint) if deflated else lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    try:
        # One byte more than declared shows that there is more, without ever unpacking it.
        value = unpacker.decompress(raw, size + 1)
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise FormatError(f"packed data is damaged: {error}") from error
    return value, unpacker.eof and not unpacker.unused_data
