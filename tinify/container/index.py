# SPDX-License-Identifier: Apache-2.0
"""Random access: an index section that says where each entry (tile, window, frame, chunk) lies in the payload section.

varint  number of entries
varint  offset of the first entry in the payload; bytes before it are common to all entries
varint  length of each entry; the next begins where it ends, so that entries neither overlap nor leave holes
u32     CRC-32 (little-endian) of the common bytes, then of each entry: one can be checked without the others
"""

from __future__ import annotations

import io
import threading
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from tinify.container import varint
from tinify.container.body import CRC_BYTES, LEAD_MAX, Span, check_head, deliver, get_span
from tinify.container.header import HEAD_MAX, Head, read_head
from tinify.container.layout import (
    CRITICAL,
    INDEX,
    LAST,
    MAX_INDEX_ENTRIES,
    MAX_INDEXED,
    MAX_SECTION,
    MAX_SECTIONS,
    PAYLOAD,
    Section,
    TnfFile,
)
from tinify.container.writer import pack_start
from tinify.errors import FormatError, LimitError

_HEAD_USUAL = 1 << 12
_BLOCK = 1 << 20


def pack_entries(entries: Sequence[bytes], common: bytes = b"") -> tuple[Section, Section]:
    """(index section, payload section) for entries that are to be read one by one; the last two of the file."""
    pieces = [common, *entries]
    return _index([len(piece) for piece in pieces], [zlib.crc32(piece) for piece in pieces]), Section(
        PAYLOAD, b"".join(pieces)
    )


def _index(lengths: Sequence[int], crcs: Sequence[int]) -> Section:
    if len(lengths) - 1 > MAX_INDEX_ENTRIES:
        raise LimitError(f"{len(lengths) - 1} entries; an index holds at most {MAX_INDEX_ENTRIES}")
    head = [varint.put(len(lengths) - 1), *map(varint.put, lengths)]
    return Section(INDEX, b"".join(head) + np.array(crcs, dtype="<u4").tobytes())


def unpack_index(data: bytes) -> np.ndarray:
    """The index as an int64 array (1 + entries, 3): offset in the payload, length, CRC-32; row 0 is the common bytes.

    FormatError, LimitError.
    """
    count, position = varint.get(data, 0)
    if count > MAX_INDEX_ENTRIES or 5 * count > len(data):
        raise LimitError(f"an index of {count} entries is declared in {len(data)} bytes")
    table = np.zeros((count + 1, 3), dtype=np.int64)
    offset = 0
    for row in range(count + 1):
        length, position = varint.get(data, position)
        if offset + length > MAX_SECTION:
            raise LimitError(f"index row {row} ends beyond {MAX_SECTION} bytes, the limit of a section")
        table[row, :2] = offset, length
        offset += length
    if len(data) - position != 4 * (count + 1):
        raise FormatError(f"the index should end with {4 * (count + 1)} bytes of CRCs; {len(data) - position} are left")
    table[:, 2] = np.frombuffer(data, dtype="<u4", offset=position)
    return table


def entries_of(file: TnfFile) -> list[memoryview]:
    """The entries of an indexed file that is in memory. FormatError when index and payload do not fit."""
    table, payload = unpack_index(file.require(INDEX)), memoryview(file.require(PAYLOAD))
    if int(table[-1, :2].sum()) != len(payload):
        raise FormatError("the index does not cover the payload: the file is damaged")
    return [payload[offset : offset + length] for offset, length in table[1:, :2].tolist()]


class EntryWriter:
    """Writes an indexed file whose entries need not be in memory: `scratch`, an empty binary file, holds them.

    add(entry), ... -> finish(file, out): header, index, then what scratch holds.
    """

    def __init__(self, scratch: BinaryIO):
        self._scratch = scratch
        self._lengths, self._crcs = [0], [0]

    def add(self, entry: bytes) -> None:
        """Appends one entry."""
        self._scratch.write(entry)
        self._lengths.append(len(entry))
        self._crcs.append(zlib.crc32(entry))

    def finish(self, file: TnfFile, out: BinaryIO) -> int:
        """Writes all of the file, whose other sections `file` has, and gives its number of bytes."""
        sections = (*file.sections, _index(self._lengths, self._crcs), Section(PAYLOAD, b""))
        start = pack_start(replace(file, sections=sections))
        out.write(start)
        crc = zlib.crc32(start)
        self._scratch.seek(0)
        while block := self._scratch.read(_BLOCK):
            out.write(block)
            crc = zlib.crc32(block, crc)
        out.write(crc.to_bytes(CRC_BYTES, "little"))
        return len(start) + sum(self._lengths) + CRC_BYTES


class EntryReader:
    """Reads entries of an indexed file one by one; `source` is bytes or a seekable binary file.

    `file` has the header fields and the sections before the index. Only these, the index and the entries asked for are
    read and checked (each entry by its CRC). FormatError when the file has no index or is damaged where it is read.
    """

    def __init__(self, source: bytes | BinaryIO, *, max_elements: int = MAX_INDEXED):
        self._source = io.BytesIO(source) if isinstance(source, bytes | bytearray | memoryview) else source
        self._lock = threading.Lock()
        self._end = self._source.seek(0, io.SEEK_END) - CRC_BYTES
        head = self._head(max_elements)
        before, index, self._payload = self._scan(head.end)
        start = self._read(0, index.end + CRC_BYTES)
        check_head(start[: index.end], start[index.end :])
        self.file = replace(head.file, sections=deliver(memoryview(start), before))
        self._table = unpack_index(start[index.start : index.end])
        if int(self._table[-1, :2].sum()) != self._payload.end - self._payload.start:
            raise FormatError("the index does not cover the payload: the file is damaged or cut off")

    def __len__(self) -> int:
        return len(self._table) - 1

    def __getitem__(self, number: int) -> bytes:
        if not -len(self) <= number < len(self):
            raise IndexError(f"entry {number} of {len(self)}")
        return self._row(1 + number % len(self))

    def common(self) -> bytes:
        """The bytes before the first entry."""
        return self._row(0)

    def _row(self, row: int) -> bytes:
        offset, length, crc = (int(value) for value in self._table[row])
        data = self._read(self._payload.start + offset, length)
        if zlib.crc32(data) != crc:
            raise FormatError(f"entry {row - 1} does not match its CRC: the file is damaged")
        return data

    def _read(self, position: int, length: int) -> bytes:
        with self._lock:  # a file has one position, and readers may share it
            self._source.seek(position)
            data = self._source.read(length)
        if len(data) != length:
            raise FormatError(f"{length} bytes at {position} are declared and {len(data)} are there: it is cut off")
        return data

    def _head(self, max_elements: int) -> Head:
        for size in (_HEAD_USUAL, HEAD_MAX):
            self._source.seek(0)
            start = self._source.read(size)
            try:
                return read_head(start, max_elements)
            except FormatError:  # nearly all heads are short, and a long one looks cut off
                if len(start) < size or size == HEAD_MAX:
                    raise
        raise AssertionError("unreachable")

    def _scan(self, position: int) -> tuple[list[Span], Span, Span]:
        """The sections before the index, the index and the payload after it."""
        before: list[Span] = []
        for _ in range(MAX_SECTIONS):
            if position >= self._end:
                break
            span = get_span(self._read(position, min(LEAD_MAX, self._end - position)), position, self._end)
            if span.kind & LAST:
                break
            if span.kind & ~CRITICAL == INDEX:
                position = span.end + CRC_BYTES
                lead = self._read(position, min(1, self._end - position))
                if not lead or lead[0] & ~CRITICAL != PAYLOAD | LAST:
                    raise FormatError("no payload follows the index: the file is damaged or cut off")
                return before, span, Span(lead[0], position + 1, self._end)
            before.append(span)
            position = span.end
        raise _NoIndex("the file has no index: decode it as a whole")


def open_entries(source: bytes | BinaryIO, *, max_elements: int = MAX_INDEXED) -> EntryReader | None:
    """The reader of an indexed file; None where a file is to be decoded as a whole. FormatError, LimitError."""
    try:
        return EntryReader(source, max_elements=max_elements)
    except _NoIndex:
        return None


class _NoIndex(FormatError):
    """A file, sound so far, without an index."""
