# SPDX-License-Identifier: Apache-2.0
"""The header fields of a `.tnf` file, written and read."""

from __future__ import annotations

from dataclasses import dataclass

from tinify.container import varint
from tinify.container.body import get_params
from tinify.container.layout import (
    CODECS,
    DTYPES,
    FINGERPRINT_BYTES,
    INDEX,
    MAGIC,
    MAX_DIMS,
    MAX_ELEMENTS,
    MAX_INDEXED,
    MAX_NAME,
    MAX_PARAMS,
    MODALITIES,
    VERSION,
    TnfFile,
    check_name,
    check_shape,
)
from tinify.errors import FormatError, LimitError

PREFIX = len(MAGIC) + 1
HEAD_MAX = PREFIX + 2 * (MAX_NAME + 1) + FINGERPRINT_BYTES + 1 + (MAX_DIMS + 1) * varint.MAX_BYTES + MAX_PARAMS
_NUMBERED = 0x80  # in place of the length of a codec's name


@dataclass(frozen=True)
class Head:
    """The header fields and parameters (`file` has no sections yet) and where the sections begin."""

    file: TnfFile
    end: int


def put_head(file: TnfFile) -> bytes:
    """The header fields, up to the parameters. FormatError or LimitError when one cannot be written."""
    shape = tuple(int(size) for size in file.shape)
    if len(file.fingerprint) != FINGERPRINT_BYTES:
        raise FormatError(f"the fingerprint has {len(file.fingerprint)} bytes; it must have {FINGERPRINT_BYTES}")
    if file.dtype not in DTYPES:
        raise FormatError(f"dtype {file.dtype!r} cannot be written; one of {', '.join(DTYPES)} can")
    if any(size < 0 for size in shape):
        raise FormatError(f"shape {shape} has a negative size")
    check_shape(shape, MAX_ELEMENTS if file.find(INDEX) is None else MAX_INDEXED)
    named = b"" if file.modality in MODALITIES else _name(file.modality, "modality")
    number = CODECS.get(file.codec)
    codec = _name(file.codec, "codec name") if number is None else bytes([_NUMBERED | number])
    kind = bytes([len(shape) << 4 | DTYPES.index(file.dtype)])
    version = bytes([VERSION << 4 | MODALITIES.get(file.modality, 0)])
    return b"".join([MAGIC, version, named, codec, file.fingerprint, kind, *map(varint.put, shape)])


def check_prefix(data: bytes | memoryview) -> None:
    """FormatError unless a `.tnf` file of this version begins so."""
    start = bytes(data[: len(MAGIC)])
    if start != MAGIC[: len(start)]:
        raise FormatError("this is not a .tnf file: it does not begin with the .tnf signature")
    if len(data) < PREFIX:
        raise FormatError(f"the file ends after {len(data)} bytes, inside its header: it is cut off")
    if data[4] >> 4 != VERSION:
        raise FormatError(
            f"the file is of format version {data[4] >> 4} and this tinify reads version {VERSION}: "
            "upgrade tinify (pip install -U tinify-codec), or, if it was made by this version, the file is damaged"
        )


def read_head(data: bytes | memoryview, max_elements: int = MAX_ELEMENTS) -> Head:
    """The head at the start of `data`. Whoever calls this checks the CRC: of the file, or that of its index."""
    check_prefix(data)
    cursor = _Cursor(memoryview(data))
    modality = cursor.modality(data[4] & 15)
    codec = cursor.codec()
    fingerprint = cursor.take(FINGERPRINT_BYTES)
    kind = cursor.take(1)[0]
    if kind & 15 >= len(DTYPES):
        raise FormatError(f"dtype code {kind & 15} is unknown; upgrade tinify to read this file")
    shape = tuple(cursor.number() for _ in range(kind >> 4))
    check_shape(shape, max_elements)
    params, end = get_params(cursor.data, cursor.position)
    return Head(TnfFile(modality, codec, fingerprint, shape, DTYPES[kind & 15], params), end)


def _name(name: str, what: str) -> bytes:
    encoded = check_name(name, what, MAX_NAME)
    return varint.put(len(encoded)) + encoded


class _Cursor:
    """A position in the header fields."""

    def __init__(self, data: memoryview):
        self.data = data
        self.position = PREFIX

    def modality(self, code: int) -> str:
        if code == 0:
            return self.name("modality", self.take(1)[0])
        for name, known in MODALITIES.items():
            if known == code:
                return name
        raise FormatError(f"modality code {code} is unknown; upgrade tinify to read this file")

    def codec(self) -> str:
        first = self.take(1)[0]
        if not first & _NUMBERED:
            return self.name("codec name", first)
        for name, known in CODECS.items():
            if known == first & ~_NUMBERED:
                return name
        raise FormatError(f"codec number {first & ~_NUMBERED} is unknown; upgrade tinify to read this file")

    def number(self) -> int:
        value, self.position = varint.get(self.data, self.position)
        return value

    def take(self, length: int) -> bytes:
        if length > len(self.data) - self.position:
            raise FormatError("the file ends inside its header: it is cut off")
        self.position += length
        return bytes(self.data[self.position - length : self.position])

    def name(self, what: str, length: int) -> str:
        if length > MAX_NAME:
            raise LimitError(f"a {what} of {length} characters is declared; at most {MAX_NAME} are allowed")
        name = self.take(length).decode("ascii", errors="replace")
        check_name(name, what, MAX_NAME)
        return name
