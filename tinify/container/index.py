# SPDX-License-Identifier: Apache-2.0
"""Random access: an index section that says where each entry (tile, window, frame) lies in the payload section.

varint  number of entries
varint  offset of the first entry in the payload; bytes before it are common to all entries
varint  length of each entry; the next begins where it ends, so that entries neither overlap nor leave holes
u32     CRC-32 (little-endian) of the common bytes, then of each entry: one can be checked without the others
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from tinify.container import varint
from tinify.container.header import HEAD_MAX, read_head
from tinify.container.layout import CRITICAL, INDEX, MAX_INDEX_ENTRIES, MAX_SECTION, PAYLOAD, Section
from tinify.errors import FormatError, LimitError

_LEAD_MAX = 1 + varint.MAX_BYTES


def pack_entries(entries: Sequence[bytes], common: bytes = b"") -> tuple[Section, Section]:
    """(index section, payload section) for entries that are to be read one by one; put both in the file."""
    if len(entries) > MAX_INDEX_ENTRIES:
        raise LimitError(f"{len(entries)} entries; an index holds at most {MAX_INDEX_ENTRIES}")
    head = [varint.put(len(entries)), varint.put(len(common)), *(varint.put(len(entry)) for entry in entries)]
    crcs = np.array([zlib.crc32(piece) for piece in (common, *entries)], dtype="<u4").tobytes()
    return Section(INDEX, b"".join(head) + crcs), Section(PAYLOAD, b"".join([common, *entries]))


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


class EntryReader:
    """Reads entries of an indexed file one by one; `source` is bytes or a seekable binary file.

    `file` has the header fields and no sections. Only the header, the index and the entries asked for are read and
    checked (each by its CRC). FormatError when the file has no index or is damaged where it is read.
    """

    def __init__(self, source: bytes | BinaryIO):
        self._source = io.BytesIO(source) if isinstance(source, bytes | bytearray | memoryview) else source
        self._source.seek(0)
        head = read_head(self._source.read(HEAD_MAX))
        self.file = head.file
        table, payload = self._scan(head.end, head.sections)
        if table is None or payload is None:
            raise FormatError("the file has no index: decode it as a whole")
        self._table, self._payload = table, payload
        if int(self._table[-1, :2].sum()) != self._payload[1]:
            raise FormatError("the index does not cover the payload: the file is damaged")

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
        data = self._read(self._payload[0] + offset, length)
        if zlib.crc32(data) != crc:
            raise FormatError(f"entry {row - 1} does not match its CRC: the file is damaged")
        return data

    def _read(self, position: int, length: int) -> bytes:
        self._source.seek(position)
        data = self._source.read(length)
        if len(data) != length:
            raise FormatError(f"{length} bytes at {position} are declared and {len(data)} are there: it is cut off")
        return data

    def _scan(self, position: int, sections: int) -> tuple[np.ndarray | None, tuple[int, int] | None]:
        """The index, and start and length of the payload, where they are."""
        table, payload = None, None
        size = self._source.seek(0, io.SEEK_END)
        for _ in range(sections):
            self._source.seek(position)
            lead = self._source.read(_LEAD_MAX)
            length, used = varint.get(lead, 1)
            start = position + used
            if start + length + 4 > size:
                raise FormatError("a section ends beyond the end of the file: it is cut off")
            kind = lead[0] & ~CRITICAL
            if kind == PAYLOAD and payload is None:
                payload = start, length
            if kind == INDEX and table is None:
                self._check_crc(position, start + length)
                table = unpack_index(self._read(start, length))
            position = start + length + 4
        return table, payload

    def _check_crc(self, start: int, end: int) -> None:
        # The CRC runs on from the one before the section, which stands in the four bytes before it.
        block = self._read(start - 4, end - start + 8)
        crc = zlib.crc32(block[4:-4], int.from_bytes(block[:4], "little"))
        if crc != int.from_bytes(block[-4:], "little"):
            raise FormatError("the index does not match its CRC: the file is damaged")
