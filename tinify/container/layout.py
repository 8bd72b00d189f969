# SPDX-License-Identifier: Apache-2.0
"""What a `.tnf` file is made of: constants, limits and the two records. The layout itself is in docs/format.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinify.errors import FormatError, LimitError

MAGIC = b"\x89TNF"
VERSION = 1

# Limits, all checked before anything of that size is allocated.
MAX_PARAMS = 1 << 20
MAX_SECTIONS = 1024
MAX_SECTION = 1 << 40
MAX_DIMS = 15
MAX_ELEMENTS = 1 << 31  # of what is decoded as a whole
MAX_INDEXED = 1 << 40  # of a file with an index, which is written and read piece by piece
MAX_NAME = 64
MAX_STREAMS = 1 << 16
MAX_METADATA_ENTRIES = 256
MAX_METADATA_NAME = 32
MAX_METADATA = 1 << 28
MAX_INDEX_ENTRIES = 1 << 24

FINGERPRINT_BYTES = 4

IMAGE, SERIES, AUDIO, VIDEO, POINTCLOUD = "image", "series", "audio", "video", "pointcloud"
# Code 0 means that the modality is not one of these and its name stands in the header.
MODALITIES = {IMAGE: 1, SERIES: 2, AUDIO: 3, VIDEO: 4, POINTCLOUD: 5}
# Codecs with a number in place of a name, at most 127. A number, once given, is never given to another.
CODECS = {
    "photo-hyperprior": 1, "series-mixing": 2, "tokenizer": 3, "tcrae": 4, "tcrae-seq": 5, "photo-best": 6,
    "photo-fast": 7, "jpeg-like": 8, "jpeg2000-like": 9,
}  # fmt: skip
DTYPES = (
    "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64",
)  # fmt: skip

LAST = 0x40  # of the kind of the last section, whose length is not written
CRITICAL = 0x80
PAYLOAD, METADATA, GAPS, ALPHA, INDEX, REQUIREMENTS = 1, 2, 3, 4, 5, 6
SECTION_NAMES = {
    PAYLOAD: "payload", METADATA: "metadata", GAPS: "gap mask", ALPHA: "alpha", INDEX: "index",
    REQUIREMENTS: "requirements",
}  # fmt: skip
CODEC_KINDS = range(16, 64)


def is_known(kind: int) -> bool:
    """Whether this version delivers sections of that kind (critical bit set or not); others are skipped or refused."""
    number = kind & ~CRITICAL
    return number in SECTION_NAMES or number in CODEC_KINDS


@dataclass(frozen=True)
class Section:
    """A run of bytes with a meaning: `kind` in [1, 63], with CRITICAL added when a reader must understand it.

    Kinds: PAYLOAD, METADATA, GAPS, ALPHA, INDEX, REQUIREMENTS; 16 to 63 are free for codecs.
    """

    kind: int
    data: bytes

    @property
    def critical(self) -> bool:
        return bool(self.kind & CRITICAL)


class _Sections:
    """Finds sections by their kind."""

    sections: tuple[Section, ...]

    def find(self, kind: int) -> bytes | None:
        """Data of the first section of that kind (the critical bit does not matter), or None."""
        for section in self.sections:
            if section.kind & ~CRITICAL == kind & ~CRITICAL:
                return section.data
        return None

    def require(self, kind: int) -> bytes:
        """As `find`, but a missing section is a FormatError."""
        data = self.find(kind)
        if data is None:
            name = SECTION_NAMES.get(kind & ~CRITICAL, f"kind {kind}")
            raise FormatError(f"{self._what()} has no {name} section, which the codec needs")
        return data

    def _what(self) -> str:
        return "this part of the file"


@dataclass(frozen=True)
class Body(_Sections):
    """What a codec made: parameters in its own form (at most 1 MiB) and sections. A chunk of a file is one, too."""

    params: bytes = b""
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True)
class TnfFile(_Sections):
    """One compressed signal: what it was, what made it, and the sections that hold it.

    fingerprint: 4 bytes, the codec's weights and tables; shape, dtype: of the original samples;
    params: what the codec needs beside the payload (at most 1 MiB), in its own form.
    """

    modality: str
    codec: str
    fingerprint: bytes
    shape: tuple[int, ...]
    dtype: str
    params: bytes = b""
    sections: tuple[Section, ...] = ()

    def _what(self) -> str:
        return f"this file of codec {self.codec!r}"


def check_shape(shape: tuple[int, ...], max_elements: int = MAX_ELEMENTS) -> None:
    """LimitError when a shape has too many dimensions or too many elements."""
    if len(shape) > MAX_DIMS:
        raise LimitError(f"a shape has {len(shape)} dimensions; at most {MAX_DIMS} are allowed")
    if any(size > max_elements for size in shape) or math.prod(shape) > max_elements:
        raise LimitError(f"shape {shape} has more than {max_elements} elements, the limit")


def check_name(name: str, what: str, limit: int) -> bytes:
    """The name as bytes; FormatError unless it is 1 to `limit` printable ASCII characters."""
    if not isinstance(name, str) or not 1 <= len(name) <= limit or not (name.isascii() and name.isprintable()):
        raise FormatError(f"{what} {name!r} is not 1 to {limit} printable ASCII characters")
    return name.encode("ascii")
