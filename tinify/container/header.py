# SPDX-License-Identifier: Apache-2.0
"""Reading the head of a `.tnf` file: the magic, the version and the header fields."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from tinify.container import varint
from tinify.container.layout import (
    DTYPES,
    FINGERPRINT_BYTES,
    MAGIC,
    MAJOR,
    MAX_ELEMENTS,
    MAX_HEADER,
    MAX_NAME,
    MAX_SECTIONS,
    MINOR,
    MODALITIES,
    TnfFile,
    check_name,
    check_shape,
)
from tinify.errors import FormatError, LimitError

PREFIX = len(MAGIC) + 2
HEAD_MAX = PREFIX + varint.MAX_BYTES + MAX_HEADER + 4


@dataclass(frozen=True)
class Head:
    """The header fields (`file` has no sections yet) and where the sections begin."""

    file: TnfFile
    version: tuple[int, int]
    sections: int
    end: int
    crc: int


def read_head(data: bytes | memoryview, max_elements: int = MAX_ELEMENTS) -> Head:
    """The head at the start of `data`, checked against its CRC and the limits before it is believed."""
    _check_magic(bytes(data[: len(MAGIC)]))
    if len(data) < PREFIX:
        raise FormatError(f"the file ends after {len(data)} bytes, inside its header: it is cut off")
    major, minor = data[8] >> 4, data[8] & 15
    if major != MAJOR:
        raise FormatError(
            f"the file is of format version {major}.{minor} and this tinify reads version {MAJOR}: "
            "upgrade tinify (pip install -U tinify-codec), or, if it was made by this version, the file is damaged"
        )
    length, start = varint.get(data, PREFIX)
    if length > MAX_HEADER:
        raise LimitError(f"a header of {length} bytes is declared; at most {MAX_HEADER} are allowed")
    end = start + length
    if end + 4 > len(data):
        raise FormatError(f"the header needs {end + 4} bytes and the file has {len(data)}: it is cut off")
    crc = zlib.crc32(data[:end])
    if int.from_bytes(data[end : end + 4], "little") != crc:
        raise FormatError("the header does not match its CRC: the file is damaged")
    file, sections = _Body(bytes(data[start:end])).parse(data[9], newer=minor > MINOR, max_elements=max_elements)
    return Head(file, (major, minor), sections, end + 4, crc)


def _check_magic(start: bytes) -> None:
    if start == MAGIC:
        return
    if MAGIC.startswith(start):
        raise FormatError(f"the file ends after {len(start)} bytes: it is cut off")
    if start.replace(b"\r", b"").startswith(MAGIC.replace(b"\r", b"")[:5]):
        raise FormatError("the line ends of this .tnf file were changed: it was sent as text; send it as binary")
    raise FormatError("this is not a .tnf file: it does not begin with the .tnf signature")


class _Body:
    """A cursor over the header fields."""

    def __init__(self, data: bytes):
        self.data = data
        self.position = 0

    def parse(self, modality_code: int, *, newer: bool, max_elements: int) -> tuple[TnfFile, int]:
        modality = self._modality(modality_code)
        codec = self._name("codec name")
        fingerprint = self._take(FINGERPRINT_BYTES)
        kind = self._take(1)[0]
        if kind & 15 >= len(DTYPES):
            raise FormatError(f"dtype code {kind & 15} is unknown; upgrade tinify to read this file")
        shape = tuple(self._number() for _ in range(kind >> 4))
        check_shape(shape, max_elements)
        params = self._take(self._number())
        sections = self._number()
        if sections > MAX_SECTIONS:
            raise LimitError(f"{sections} sections are declared; at most {MAX_SECTIONS} are allowed")
        # A later minor version may append fields; this one must be used up.
        if self.position != len(self.data) and not newer:
            raise FormatError(f"{len(self.data) - self.position} bytes follow the last field of the header")
        return TnfFile(modality, codec, fingerprint, shape, DTYPES[kind & 15], params), sections

    def _modality(self, code: int) -> str:
        if code == 0:
            return self._name("modality")
        for name, known in MODALITIES.items():
            if known == code:
                return name
        raise FormatError(f"modality code {code} is unknown; upgrade tinify to read this file")

    def _number(self) -> int:
        value, self.position = varint.get(self.data, self.position)
        return value

    def _take(self, length: int) -> bytes:
        if length > len(self.data) - self.position:
            raise LimitError(
                f"a header field of {length} bytes is declared and {len(self.data) - self.position} are left"
            )
        self.position += length
        return self.data[self.position - length : self.position]

    def _name(self, what: str) -> str:
        length = self._number()
        if length > MAX_NAME:
            raise LimitError(f"a {what} of {length} characters is declared; at most {MAX_NAME} are allowed")
        name = self._take(length).decode("ascii", errors="replace")
        check_name(name, what, MAX_NAME)
        return name
