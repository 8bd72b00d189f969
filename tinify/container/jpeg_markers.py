# SPDX-License-Identifier: Apache-2.0
"""The markers of a JPEG file: its frame, the tables and headers of its scans, and where the coded bytes are.

    SOI  APPn  DQT  SOF  DHT  SOS <coded bytes>  DHT  SOS <coded bytes>  EOI  whatever follows
    └──────── skeleton ─────────┘             └─ skeleton ─┘          └──── skeleton ────────┘

Source: ITU-T T.81, annex B.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from tinify.errors import FormatError, LimitError

SOI, EOI, SOS, DQT, DHT, DRI, DNL, DAC = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xDC, 0xCC
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
_REFUSED = {
    0xC3: "a lossless frame", 0xC5: "a hierarchical frame", 0xC6: "a hierarchical frame", 0xC7: "a hierarchical frame",
    0xC9: "arithmetic coding", 0xCA: "arithmetic coding", 0xCB: "arithmetic coding", 0xCD: "arithmetic coding",
    0xCE: "arithmetic coding", 0xCF: "arithmetic coding", DAC: "arithmetic coding", DNL: "its height behind its data",
    0xDE: "a hierarchical frame", 0xDF: "a hierarchical frame",
}  # fmt: skip
_STANDALONE = {0x01, *range(0xD0, 0xD8)}
_END_OF_CODED = re.compile(rb"\xff(?=[^\x00\xd0-\xd7\xff])")

MAX_SCANS = 64
MAX_BLOCKS = 1 << 22
ZIGZAG = (
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
)  # fmt: skip


@dataclass(frozen=True)
class Component:
    """One colour of the frame: its number, blocks of an MCU, table of steps, blocks with and without padding."""

    number: int
    across: int
    down: int
    table: int
    columns: int
    rows: int
    real_columns: int
    real_rows: int


@dataclass(frozen=True)
class Frame:
    """What SOF says. `kind`: BASELINE, EXTENDED or PROGRESSIVE; `start`: where its segment's contents are."""

    kind: int
    height: int
    width: int
    components: tuple[Component, ...]
    start: int

    @property
    def progressive(self) -> bool:
        return self.kind == PROGRESSIVE

    @property
    def mcu(self) -> tuple[int, int]:
        """Height and width of an MCU in samples."""
        return 8 * max(c.down for c in self.components), 8 * max(c.across for c in self.components)


@dataclass(frozen=True)
class Scan:
    """What SOS says, with the tables that hold there: as DHT has them, or empty; and where its header and data are."""

    components: tuple[int, ...]
    dc: tuple[bytes, ...]
    ac: tuple[bytes, ...]
    band: tuple[int, int, int, int]
    restart: int
    header: int
    start: int
    end: int


@dataclass
class Markers:
    """A file, or its skeleton: then every scan's data are empty. `steps`: DQT's tables (64 numbers, rows) by number."""

    frame: Frame
    scans: list[Scan] = field(default_factory=list)
    steps: dict[int, tuple[int, ...]] = field(default_factory=dict)
    segments: list[tuple[int, int, int]] = field(default_factory=list)
    """(marker, start, end) of the contents of each segment that is not a scan's data."""
    data: bytes = b""

    def segment(self, marker: int, start: bytes) -> bytes | None:
        """The contents of the first segment of a marker that begin so."""
        for kind, begin, end in self.segments:
            if kind == marker and self.data[begin:end].startswith(start):
                return self.data[begin:end]
        return None


def parse(data: bytes, *, skeleton: bool = False) -> Markers:
    """Reads the markers up to EOI. In a `skeleton` the coded bytes of all scans are taken out.

    FormatError (not a JPEG file, cut off, or of a kind that is not supported), LimitError (too many blocks or scans).
    """
    if data[:2] != b"\xff\xd8":
        raise FormatError("this is no JPEG file: it does not begin with the marker SOI")
    return _Parser(data, skeleton).run()


class _Parser:
    def __init__(self, data: bytes, skeleton: bool):
        self.data, self.skeleton = data, skeleton
        self.tables: dict[tuple[int, int], bytes] = {}
        self.restart = 0
        self.frame: Frame | None = None
        self.scans: list[Scan] = []
        self.steps: dict[int, tuple[int, ...]] = {}
        self.segments: list[tuple[int, int, int]] = []

    def run(self) -> Markers:
        place: int | None = 2
        while place is not None and place < len(self.data):
            place = self._segment(place)
        if self.frame is None or not self.scans:
            raise FormatError("the JPEG file has no picture: a frame (SOF) and a scan (SOS) are missing")
        return Markers(self.frame, self.scans, self.steps, self.segments, self.data)

    def _segment(self, place: int) -> int | None:
        """Reads one segment and gives the place after it, None after EOI."""
        marker, place = self._marker(place)
        if marker == EOI:
            return None
        if marker in _STANDALONE:
            return place
        if marker in _REFUSED:
            raise FormatError(
                f"the JPEG file has {_REFUSED[marker]} (marker {marker:#x} at {place - 2}); not supported"
            )
        length = int.from_bytes(self.data[place : place + 2], "big")
        if length < 2 or place + length > len(self.data):
            raise FormatError(f"the JPEG file is cut off or damaged in segment {marker:#x} at byte {place}")
        start, end = place + 2, place + length
        self.segments.append((marker, start, end))
        contents = self.data[start:end]
        if marker == DHT:
            self._huffman(contents, place)
        elif marker == DQT:
            self._quantization(contents, place)
        elif marker == DRI:
            self.restart = int.from_bytes(contents[:2], "big")
        elif marker in (BASELINE, EXTENDED, PROGRESSIVE):
            self._frame(marker, contents, start)
        return self._scan(contents, start, end) if marker == SOS else end

    def _marker(self, place: int) -> tuple[int, int]:
        """(marker, the place after it), of the bytes from there on."""
        data = self.data
        if data[place] != 0xFF:
            raise FormatError(f"byte {place} of the JPEG file should begin a marker and is {data[place]:#04x}")
        while place < len(data) and data[place] == 0xFF:
            place += 1
        if place == len(data):
            raise FormatError("the JPEG file is cut off in a marker")
        return data[place], place + 1

    def _huffman(self, contents: bytes, place: int) -> None:
        while contents:
            head, count = contents[0], sum(contents[1:17])
            if len(contents) < 17 + count or count > 256 or head >> 4 > 1 or head & 15 > 3:
                raise FormatError(f"the Huffman tables (DHT) at byte {place} of the JPEG file are damaged")
            self.tables[head >> 4, head & 15] = contents[1 : 17 + count]
            contents = contents[17 + count :]

    def _quantization(self, contents: bytes, place: int) -> None:
        while contents:
            size = 1 + (contents[0] >> 4)
            if size > 2 or len(contents) < 1 + 64 * size or contents[0] & 15 > 3:
                raise FormatError(f"the quantization tables (DQT) at byte {place} of the JPEG file are damaged")
            table = [0] * 64
            for k, natural in enumerate(ZIGZAG):
                table[natural] = int.from_bytes(contents[1 + k * size : 1 + (k + 1) * size], "big")
            self.steps[contents[0] & 15] = tuple(table)
            contents = contents[1 + 64 * size :]

    def _frame(self, marker: int, contents: bytes, start: int) -> None:
        if self.frame is not None:
            raise FormatError("the JPEG file has two frames (SOF); not supported")
        if len(contents) < 6 or len(contents) < 6 + 3 * contents[5]:
            raise FormatError("the frame (SOF) of the JPEG file is cut off")
        height, width, count = int.from_bytes(contents[1:3], "big"), int.from_bytes(contents[3:5], "big"), contents[5]
        if contents[0] != 8:
            raise FormatError(f"the JPEG file has {contents[0]} bits a sample; only 8 are supported")
        if not height or not width or count not in (1, 3, 4):
            raise FormatError(
                f"the JPEG file is {width}x{height} with {count} components; allowed: 1, 3 or 4, and a height in SOF"
            )
        rows = [contents[6 + 3 * i : 9 + 3 * i] for i in range(count)]
        self.frame = Frame(marker, height, width, _components(rows, height, width), start)

    def _scan(self, contents: bytes, header: int, start: int) -> int:
        frame, count = self.frame, contents[0] if contents else 0
        if frame is None or not 1 <= count <= 4 or len(contents) != 4 + 2 * count:
            raise FormatError(f"the scan (SOS) at byte {header} of the JPEG file is damaged or before its frame")
        if len(self.scans) == MAX_SCANS:
            raise LimitError(f"the JPEG file has more than {MAX_SCANS} scans, the limit")
        numbers = [component.number for component in frame.components]
        chosen = [contents[1 + 2 * i] for i in range(count)]
        if len(set(chosen)) != count or not set(chosen) <= set(numbers):
            raise FormatError(f"the scan (SOS) at byte {header} names components {chosen} of {numbers}")
        slots = [contents[2 + 2 * i] for i in range(count)]
        dc = tuple(self.tables.get((0, slot >> 4), b"") for slot in slots)
        ac = tuple(self.tables.get((1, slot & 15), b"") for slot in slots)
        first, last, bits = contents[-3:]
        end = start
        if not self.skeleton:
            found = _END_OF_CODED.search(self.data, start)
            end = found.start() if found else len(self.data)
            while found and end > start and self.data[end - 1] == 0xFF:  # bytes that fill up before a marker
                end -= 1
        band = first, last, bits >> 4, bits & 15
        self.scans.append(Scan(tuple(map(numbers.index, chosen)), dc, ac, band, self.restart, header, start, end))
        return end


def _components(rows: list[bytes], height: int, width: int) -> tuple[Component, ...]:
    """The components of SOF's (number, factors, table), with their sizes in blocks."""
    factors = [(row[1] >> 4, row[1] & 15) for row in rows]
    if len({row[0] for row in rows}) != len(rows) or any(not 1 <= f <= 4 for pair in factors for f in pair):
        raise FormatError("the frame (SOF) of the JPEG file has a component twice, or sampling factors beyond 1 to 4")
    most_across, most_down = (max(pair[i] for pair in factors) for i in (0, 1))
    across, down = -(-width // (8 * most_across)), -(-height // (8 * most_down))
    components = tuple(
        Component(row[0], h, v, row[2], h * across, v * down, *(
            math.ceil(math.ceil(size * factor / most) / 8)  # of at most 2^18, which floats hold exactly
            for size, factor, most in ((width, h, most_across), (height, v, most_down))
        ))
        for row, (h, v) in zip(rows, factors, strict=True)
    )  # fmt: skip
    blocks = sum(component.rows * component.columns for component in components)
    if blocks > MAX_BLOCKS:
        raise LimitError(f"the JPEG file has {blocks} blocks of 8x8; at most {MAX_BLOCKS} are allowed")
    return components
