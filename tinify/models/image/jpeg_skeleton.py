# SPDX-License-Identifier: Apache-2.0
"""What a JPEG file has beside its coefficients, in few bytes: the usual tables are known already.

byte    1: deflated with a dictionary; 2: LZMA
varint  bytes once inflated
the compressed bytes of: varint length of the details, the details, the skeleton
"""

from __future__ import annotations

import lzma
import zlib
from functools import cache

import torch

from tinify.container import varint
from tinify.errors import FormatError, LimitError
from tinify.quantizers.matrix import Matrix
from tinify.transforms.block_dct import zigzag

_DEFLATED, _LZMA = 1, 2
_MOST = 1 << 28
_LEAST, _RATIO = 1 << 20, 1024  # bytes that any file, and each byte of one, may become
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6}]

_DC = (
    "00 00010501010101010100000000000000 000102030405060708090a0b",
    "01 00030101010101010101010000000000 000102030405060708090a0b",
)
_AC = (
    "10 0002010303020403050504040000017d 01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282"
    "090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485"
    "868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5"
    "e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa",
    "11 00020102040403040705040400010277 000102031104052131061241510761711322328108144291a1b1c109233352f0156272d10a"
    "162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a737475767778797a8283"
    "8485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4"
    "e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa",
)
_JFIF = "ffd8 ffe0 0010 4a46494600 0101 00 0001 0001 0000"
_SOF = "ffc0 0011 08 0000 0000 03 01 22 00 02 11 01 03 11 01"
_SOS = "ffda 000c 03 0100 0211 0311 003f00"


def pack_skeleton(skeleton: bytes, details: bytes) -> bytes:
    """Both as the bytes of a section. LimitError beyond 256 MiB."""
    data = varint.put(len(details)) + details + skeleton
    if len(data) > _MOST:
        raise LimitError(f"the JPEG file has {len(skeleton)} bytes beside its picture; at most {_MOST} are allowed")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zdict=_dictionary())
    deflated, method = packer.compress(data) + packer.flush(), _DEFLATED
    if len(data) > 4096:
        other = lzma.compress(data, lzma.FORMAT_RAW, filters=_FILTERS)
        if len(other) < len(deflated) and len(data) <= _most_of(len(other)):
            deflated, method = other, _LZMA
    return bytes([method]) + varint.put(len(data)) + deflated


def unpack_skeleton(section: bytes) -> tuple[bytes, bytes]:
    """(skeleton, details). FormatError, LimitError."""
    if not section:
        raise FormatError("the section of the JPEG file is empty")
    size, place = varint.get(section, 1)
    if size > min(_MOST, _most_of(len(section))):
        raise LimitError(f"{len(section)} bytes declare {size} of a JPEG file")
    data = _inflated(section[0], section[place:], size)
    count, place = varint.get(data, 0)
    if count > len(data) - place:
        raise FormatError("the details of the JPEG file are cut off")
    return data[place + count :], data[place : place + count]


def _inflated(method: int, packed: bytes, size: int) -> bytes:
    try:
        if method == _DEFLATED:
            reader = zlib.decompressobj(-15, zdict=_dictionary())
            data, whole = reader.decompress(packed, size + 1), reader.eof and not reader.unused_data
        elif method == _LZMA:
            reader = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
            data, whole = reader.decompress(packed, size + 1), reader.eof and not reader.unused_data
        else:
            raise FormatError(f"method {method} of the section of the JPEG file is unknown; upgrade tinify-codec")
    except (zlib.error, lzma.LZMAError) as error:
        raise FormatError(f"the section of the JPEG file is damaged: {error}") from error
    if len(data) != size or not whole:
        raise FormatError("the section of the JPEG file is damaged: it has another length")
    return data


def _most_of(size: int) -> int:
    return _LEAST + _RATIO * size


@cache
def _dictionary() -> bytes:
    """What libjpeg writes at every quality, the usual last: tables of steps, of code words, and headers."""
    matrix, order = Matrix(), zigzag(8)
    parts = []
    for quality in [*range(1, 101), 90, 80, 85, 95, 75]:
        for number, table in enumerate(matrix.table(quality)[:2]):
            steps = table.flatten()[order].to(torch.uint8).numpy().tobytes()
            parts.append(bytes.fromhex(f"ffdb 0043 0{number}") + steps)
    parts.append(bytes.fromhex(_JFIF + _SOF))
    for dc, ac in zip(_DC, _AC, strict=True):
        parts += [_segment(dc), _segment(ac)]
    return b"".join(parts) + bytes.fromhex(_SOS) + b"\xff\xd9"


def _segment(table: str) -> bytes:
    contents = bytes.fromhex(table)
    return b"\xff\xc4" + (len(contents) + 2).to_bytes(2, "big") + contents
