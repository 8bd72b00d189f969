# SPDX-License-Identifier: Apache-2.0
"""Rows of a packed series, decoded chunk by chunk as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tinify.container import (
    INDEX,
    METADATA,
    Body,
    EntryReader,
    TnfFile,
    entries_of,
    unpack_body,
    unpack_metadata,
)
from tinify.errors import FormatError, InputError, TinifyError
from tinify.models.in_order import THREADS, Progress, counted, in_order
from tinify.models.series.chunks import Chunks

if TYPE_CHECKING:
    from tinify.models.series.files import SeriesFiles


class SeriesReader:
    """A series in a file: `reader[a:b]` decodes the chunks of these rows and, from an EntryReader, reads no others.

        file or EntryReader -> chunks that hold rows a to b -> codec.unpack_rows -> samples (b - a, C)

    shape (T, C), dtype, metadata: of the whole series. A file of one chunk is decoded once and kept.
    """

    def __init__(self, codec: SeriesFiles, source: TnfFile | EntryReader, file: BinaryIO | None = None):
        """`file` is closed with the reader."""
        self._codec, self._open = codec.eval(), file
        file = source if isinstance(source, TnfFile) else source.file
        if file.modality != "series" or len(file.shape) != 2:
            raise FormatError(f"a series cannot have modality {file.modality!r} and shape {file.shape}")
        self.shape, self.dtype = tuple(file.shape), np.dtype(file.dtype)
        metadata = file.find(METADATA)
        self.metadata = {} if metadata is None else unpack_metadata(metadata)
        self._whole: np.ndarray | None = None
        self._file, self._entries = file, self._entries_in(source)
        self._chunks = Chunks(self.shape[0], max(1, self.shape[0]))
        if self._entries is not None:
            self._chunks = Chunks.unpack(file.params, *self.shape, len(self._entries))

    @staticmethod
    def _entries_in(source: TnfFile | EntryReader) -> Sequence[bytes] | EntryReader | None:
        if not isinstance(source, TnfFile):
            return source
        return None if source.find(INDEX) is None else entries_of(source)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def codec_name(self) -> str:
        """Of the codec that made the file."""
        return self._file.codec

    @property
    def chunk(self) -> int:
        """Rows that are decoded together, at most."""
        return self._chunks.size

    def __getitem__(self, rows: slice | int) -> np.ndarray:
        """Rows as of an array, without steps; (C,) of a single one. InputError beyond the series."""
        if isinstance(rows, slice):
            return self.read(*bounds(rows, len(self)))
        row = rows + len(self) if rows < 0 else rows
        if not 0 <= row < len(self):
            raise InputError(f"row {rows} of a series of {len(self)} rows; allowed: 0 to {len(self) - 1}")
        return self.read(row, row + 1)[0]

    def bounds(self, rows: slice) -> tuple[int, int]:
        """(start, stop) of a slice of the rows; negative numbers count from the end. InputError beyond the series."""
        return bounds(rows, len(self))

    def read(
        self, start: int = 0, stop: int | None = None, *, threads: int = THREADS, progress: Progress | None = None
    ) -> np.ndarray:
        """Rows from `start` up to, not with, `stop`: (stop - start, C). InputError beyond the series."""
        start, stop = bounds(slice(start, stop), len(self))
        out, filled = None, 0
        for part in self.pieces(start, stop, threads=threads, progress=progress):
            # Room for all is made when a first chunk has proved sound.
            out = np.empty((stop - start, self.shape[1]), self.dtype) if out is None else out
            out[filled : filled + len(part)] = part
            filled += len(part)
        return np.empty((0, self.shape[1]), self.dtype) if out is None else out

    def pieces(
        self, start: int = 0, stop: int | None = None, *, threads: int = THREADS, progress: Progress | None = None
    ) -> Iterator[np.ndarray]:
        """The rows of `read`, chunk after chunk; few of them are in memory at a time."""
        start, stop = bounds(slice(start, stop), len(self))
        numbers = self._chunks.covering(start, stop)
        decoded = counted(
            in_order(self._decode, self._raw(numbers), min(threads, len(numbers))), len(numbers), progress
        )
        for number, samples in zip(numbers, decoded, strict=True):
            first = self._chunks[number].start
            yield samples[max(start - first, 0) : stop - first]

    def _raw(self, numbers: range) -> Iterator[tuple[int, bytes | None]]:
        # Reading is here, on one thread: a file has one position.
        for number in numbers:
            yield number, None if self._entries is None else self._entries[number]

    def _decode(self, item: tuple[int, bytes | None]) -> np.ndarray:
        number, data = item
        if data is None:
            if self._whole is None:
                self._whole = self._unpack(self._file, 0)
            return self._whole
        return self._unpack(unpack_body(data), number)

    def _unpack(self, body: Body | TnfFile, number: int) -> np.ndarray:
        rows = self._chunks[number]
        try:
            return self._codec.unpack_rows(body, rows.stop - rows.start, self.shape[1], self.dtype)
        except TinifyError:
            raise
        except Exception as error:  # check sums fit, and still the codec stumbles: the file was made to do that
            raise FormatError(
                f"codec {self._codec.name!r} cannot decode this series: {type(error).__name__}: {error}; "
                "it is damaged or was not made by this codec"
            ) from error

    def close(self) -> None:
        """Closes the file, where there is one; nothing more can be read from it."""
        if self._open is not None:
            self._open.close()

    def __enter__(self) -> SeriesReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def bounds(rows: slice, total: int) -> tuple[int, int]:
    """(start, stop) of a slice of `total` rows; negative numbers count from the end. InputError beyond it."""
    start = 0 if rows.start is None else rows.start
    stop = total if rows.stop is None else rows.stop
    if rows.step not in (None, 1):
        raise InputError(f"rows in steps of {rows.step}; allowed: consecutive rows")
    start, stop = (number + total if number < 0 else number for number in (start, stop))
    if not 0 <= start <= stop <= total:
        raise InputError(f"rows {rows.start} to {rows.stop}; allowed: 0 <= start <= stop <= {total}, all rows")
    return start, stop
