# SPDX-License-Identifier: Apache-2.0
"""A long series as chunks of rows, each coded alone: which rows a chunk has, and work on several at a time."""

from __future__ import annotations

from dataclasses import dataclass

from tinify.container import MAX_ELEMENTS, varint
from tinify.errors import FormatError, InputError, LimitError

VALUES, LEAST_ROWS = 1 << 20, 1 << 12


@dataclass(frozen=True)
class Chunks:
    """`rows` rows cut into chunks of `size` rows; the last may be shorter."""

    rows: int
    size: int

    @classmethod
    def of(cls, rows: int, channels: int, chunk: int | None = None) -> Chunks:
        """Equal chunks of at most `chunk` rows, by default of about a million numbers. InputError below 1 row."""
        most = max(LEAST_ROWS, VALUES // max(channels, 1)) if chunk is None else int(chunk)
        if most < 1:
            raise InputError(f"chunk is {chunk} rows; it must have 1 or more")
        count = max(1, -(-rows // most))
        return cls(rows, max(1, -(-rows // count)))

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def __getitem__(self, number: int) -> slice:
        if not 0 <= number < len(self):
            raise IndexError(f"chunk {number} of {len(self)}")
        return slice(number * self.size, min((number + 1) * self.size, self.rows))

    def covering(self, start: int, stop: int) -> range:
        """Numbers of the chunks that hold some of the rows from start to stop."""
        return range(start // self.size, -(-stop // self.size)) if start < stop else range(0)

    def pack(self) -> bytes:
        """The parameters of a file of chunks: rows of a chunk, as a varint."""
        return varint.put(self.size)

    @classmethod
    def unpack(cls, params: bytes, rows: int, channels: int, entries: int) -> Chunks:
        """Undoes `pack`. FormatError unless so many entries are the chunks, LimitError when one is beyond memory."""
        size, end = varint.get(params, 0)
        chunks = cls(rows, max(size, 1))
        if end != len(params) or size < 1 or len(chunks) != entries:
            raise FormatError(f"{entries} chunks of {size} rows are not {rows} rows")
        if min(size, rows) * channels > MAX_ELEMENTS:
            raise LimitError(f"a chunk of {size} rows and {channels} channels has more than {MAX_ELEMENTS} elements")
        return chunks
