# SPDX-License-Identifier: Apache-2.0
"""A packed picture, decoded tile by tile as parts of it are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tinify.container import (
    INDEX,
    MAX_ELEMENTS,
    METADATA,
    EntryReader,
    TnfFile,
    entries_of,
    unpack_body,
    unpack_metadata,
)
from tinify.errors import FormatError, LimitError, TinifyError
from tinify.models.image.tiles import Region, Tiles, blend, checked_region, whole
from tinify.models.in_order import THREADS, Progress, counted, in_order
from tinify.signal import PEAKS

if TYPE_CHECKING:
    from tinify.models.image.files import ImageFiles


class PictureReader:
    """A picture in a file: `read(region)` decodes the tiles that hold it and, from an EntryReader, reads no others.

        file or EntryReader -> tiles that touch the region -> codec.unpack_picture -> blended -> bands of rows

    shape (H, W, C), dtype, metadata: of the whole picture, at 1 / `scale` of its size. A file without tiles is decoded
    as a whole.
    """

    def __init__(
        self, codec: ImageFiles, source: TnfFile | EntryReader, file: BinaryIO | None = None, *, scale: int = 1
    ):
        """`file` is closed with the reader."""
        self._codec, self._open, self._scale = codec.eval(), file, scale
        self._file = source if isinstance(source, TnfFile) else source.file
        self._entries = self._entries_in(source)
        self._check()
        height, width, channels = self._file.shape
        self._full = whole(height, width)
        if self._entries is not None:
            self._full = Tiles.unpack(self._file.params, self._file.shape, len(self._entries))
        self._tiles = self._full if scale == 1 else self._full.scaled(scale)
        self.shape, self.dtype = (self._tiles.height, self._tiles.width, channels), np.dtype(self._file.dtype)
        metadata = self._file.find(METADATA)
        self.metadata = {} if metadata is None else unpack_metadata(metadata)

    def _check(self) -> None:
        shape = self._file.shape
        if self._file.modality != "image" or len(shape) != 3 or shape[2] not in (1, 2, 3, 4) or 0 in shape:
            raise FormatError(f"a picture cannot have modality {self._file.modality!r} and shape {shape}")
        if self._file.dtype not in PEAKS:
            raise FormatError(f"a picture has samples of {', '.join(PEAKS)}, not {self._file.dtype}")

    @staticmethod
    def _entries_in(source: TnfFile | EntryReader) -> Sequence[bytes] | EntryReader | None:
        if not isinstance(source, TnfFile):
            return source
        return None if source.find(INDEX) is None else entries_of(source)

    @property
    def codec_name(self) -> str:
        """Of the codec that made the file."""
        return self._file.codec

    def region(self, region: Region | None) -> Region:
        """(top, left, height, width), of all where None is given. InputError beyond the picture."""
        return checked_region(region, *self.shape[:2])

    def read(
        self, region: Region | None = None, *, threads: int = THREADS, progress: Progress | None = None
    ) -> np.ndarray:
        """(height, width, C) of region (top, left, height, width). InputError beyond the picture, LimitError."""
        _, _, height, width = region = self.region(region)
        shape = (height, width, self.shape[2])
        if np.prod(shape, dtype=object) > MAX_ELEMENTS:
            raise LimitError(f"a region of shape {shape} has more than {MAX_ELEMENTS} elements; read it in parts")
        out, filled = None, 0
        for band in self.bands(region, threads=threads, progress=progress):
            # Room for all is made when a first row of tiles has proved sound.
            out = np.empty(shape, self.dtype) if out is None else out
            out[filled : filled + len(band)] = band
            filled += len(band)
        return out

    def bands(
        self, region: Region | None = None, *, threads: int = THREADS, progress: Progress | None = None
    ) -> Iterator[np.ndarray]:
        """The rows of `read`, one row of tiles after the other; memory holds about one of these."""
        top, left, height, width = region = self.region(region)
        rows, columns = self._tiles.touching(region)
        numbers = [row * self._tiles.grid[1] + column for row in rows for column in columns]
        work = in_order(self._decode, self._raw(numbers), min(threads, len(numbers)))
        decoded, tail = counted(work, len(numbers), progress), None
        for row in rows:
            part = self._tiles.rows(row)
            start, stop = max(part.start, top), min(part.stop, top + height)
            crops = (tile[start - part.start : stop - part.start] for tile in _next(decoded, len(columns)))
            strip = self._joined(crops, columns, left, left + width)
            if tail is not None and len(tail):
                first = start - part.start
                strip[: len(tail)] = blend(tail, strip[: len(tail)], first, self._tiles.overlap, axis=0)
            done = len(strip) if row == rows[-1] else max(part.start + self._tiles.side - start, 0)
            tail = strip[done:].copy()
            yield strip[:done]
        next(decoded, None)  # reports the last tile

    def _joined(self, crops: Iterable[np.ndarray], columns: range, left: int, right: int) -> np.ndarray:
        """Columns left to right of a row of tiles, each given with all its columns."""
        strip = None
        for column, tile in zip(columns, crops, strict=True):
            if strip is None:
                shape = (len(tile), right - left, tile.shape[2])
                if np.prod(shape, dtype=object) > MAX_ELEMENTS:
                    raise LimitError(f"a row of tiles of shape {shape} has more than {MAX_ELEMENTS} elements")
                strip = np.empty(shape, self.dtype)
            part = self._tiles.columns(column)
            start, stop = max(part.start, left), min(part.stop, right)
            tile = tile[:, start - part.start : stop - part.start]
            shared = 0 if column == columns[0] else max(0, min(part.start + self._tiles.overlap, stop) - start)
            own = strip[:, start - left : stop - left]
            if shared:
                first = start - part.start
                own[:, :shared] = blend(own[:, :shared], tile[:, :shared], first, self._tiles.overlap, axis=1)
            own[:, shared:] = tile[:, shared:]
        return strip

    def _raw(self, numbers: Iterable[int]) -> Iterator[tuple[int, bytes | None]]:
        # Reading is here, on one thread: a file has one position.
        for number in numbers:
            yield number, None if self._entries is None else self._entries[number]

    def _decode(self, item: tuple[int, bytes | None]) -> np.ndarray:
        """Samples of one tile, as they were packed."""
        number, data = item
        row, column = divmod(number, self._tiles.grid[1])
        try:
            samples = self._codec.unpack_picture(self._tile(data, row, column), scale=self._scale).samples
        except TinifyError:
            raise
        except Exception as error:  # check sums fit, and still the codec stumbles: the file was made to do that
            raise FormatError(
                f"codec {self._codec.name!r} cannot decode tile {number}: {type(error).__name__}: {error}; "
                "it is damaged or was not made by this codec"
            ) from error
        expected = (*_size(self._tiles, row, column), self.shape[2])
        if samples.shape != expected or samples.dtype != self.dtype:
            raise FormatError(
                f"tile {number} decodes to {samples.shape} of {samples.dtype}, not {expected} of {self.dtype}"
            )
        return samples

    def _tile(self, data: bytes | None, row: int, column: int) -> TnfFile:
        """A tile as the file of a picture of its own."""
        if data is None:
            return self._file
        body, shape = unpack_body(data), (*_size(self._full, row, column), self.shape[2])
        return replace(self._file, shape=shape, params=body.params, sections=body.sections)

    def close(self) -> None:
        """Closes the file, where there is one; nothing more can be read from it."""
        if self._open is not None:
            self._open.close()

    def __enter__(self) -> PictureReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _next(results: Iterator[np.ndarray], count: int) -> Iterator[np.ndarray]:
    for _ in range(count):
        yield next(results)


def _size(tiles: Tiles, row: int, column: int) -> tuple[int, int]:
    rows, columns = tiles.rows(row), tiles.columns(column)
    return rows.stop - rows.start, columns.stop - columns.start
