# SPDX-License-Identifier: Apache-2.0
"""Pictures to files and back, for every image codec: padding, rate, grey and alpha."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from tinify.container import (
    ALPHA,
    INDEX,
    METADATA,
    PAYLOAD,
    Section,
    TnfFile,
    pack_body,
    pack_entries,
    pack_metadata,
    pack_strings,
    unpack_first_strings,
    unpack_metadata,
    unpack_strings,
)
from tinify.container.picture import CHECK, CODERS, NOT_PORTABLE, PARAMS
from tinify.entropy_coder import get_entropy_coder, using_entropy_coder
from tinify.errors import ConfigError, FormatError, InputError
from tinify.models.image.alpha import pack_alpha, unpack_alpha
from tinify.models.image.reader import PictureReader
from tinify.models.image.samples import (
    check_floats,
    checked,
    colours,
    off_grid,
    on_grid,
    to_samples,
    to_tensor,
    whole_samples,
)
from tinify.models.image.tiles import Tiles
from tinify.models.in_order import THREADS, Progress, counted, in_order
from tinify.ops import pad_to_multiple
from tinify.signal import PEAKS, Signal

_LOSSLESS = 0xFFFF  # in place of the level, less the error that is allowed
MOST_ERROR = 127


class ImageFiles:
    """`pack` and `unpack` of image codecs with `compress(x, level)`, `decompress(strings, shape, level)`, `shape_for`,
    `downsampling_factor` and, for the rate, `level_of`, the level of a quality or None: 0 to 255, in steps of 1/256.

    (H, W, 1..4)       -> RGB in [0, 1], padded -> compress -> strings -> payload section
                       -> alpha channel         -> lossless  -> alpha section

    A large picture is cut into tiles, each of which is coded so by itself, on several threads: what a codec overrides
    here keeps no state between calls. Samples are uint8, uint16, or float32 in [0, 1], and come back as such.
    """

    has_lossless: bool = False
    """Whether there are `compress_lossless(x)` and `decompress_lossless(strings, shape, skip)` of x (C, H, W) int32."""

    is_portable: bool = True
    """Whether integers alone, or exact sums, choose the tables, so that files decode on any machine."""

    halvings: int = 0
    """How often a picture can be halved: then `decompress` takes `skip`, up to so many, and its first streams do."""

    def pack(
        self,
        signal: Signal,
        *,
        tile: int | None = None,
        threads: int = THREADS,
        progress: Progress | None = None,
        **rate: Any,
    ) -> TnfFile:
        """Compresses a picture; rate: quality, lossless, max_error, as of `pack_picture`.

        tile: side of the tiles that it is coded in, None by its size (none up to 64 million pixels), 0 for none. Bytes
        do not depend on `threads`.
        """
        tiles = self.tiles_of(signal, tile, **rate)
        if tiles is None:
            return self.pack_picture(replace(signal, samples=signal.samples[:]), **rate)
        entries = list(self.pack_tiles(signal, tiles, threads=threads, progress=progress, **rate))
        return self.header(signal, tiles.pack(), pack_entries(entries))

    def tiles_of(
        self, signal: Signal, tile: int | None, *, lossless: bool = False, max_error: int | None = None, **_: Any
    ) -> Tiles | None:
        """The tiles in which `pack` codes the picture; None where it codes it as a whole."""
        exact = lossless or max_error is not None
        return Tiles.of(*checked(signal).shape[:2], tile, exact, self.downsampling_factor > 1)

    def header(self, signal: Signal, params: bytes, sections: tuple[Section, ...] = ()) -> TnfFile:
        """The file of tiles; `signal` gives shape and metadata, which stand before an index."""
        known = (Section(METADATA, pack_metadata(signal.metadata)),) if signal.metadata else ()
        shape, dtype = tuple(signal.samples.shape), str(signal.samples.dtype)
        return TnfFile("image", self.name, self.fingerprint(), shape, dtype, params, (*known, *sections))

    def pack_tiles(
        self,
        signal: Signal,
        tiles: Tiles,
        *,
        threads: int = THREADS,
        progress: Progress | None = None,
        **rate: Any,
    ) -> Iterator[bytes]:
        """One tile after the other; of `signal.samples` only rows, `samples[a:b]`, are taken, of one row of tiles."""

        def crops() -> Iterator[np.ndarray]:
            for row in range(tiles.grid[0]):
                band = signal.samples[tiles.rows(row)]
                yield from (np.array(band[:, tiles.columns(column)]) for column in range(tiles.grid[1]))

        def packed(samples: np.ndarray) -> bytes:
            file = self.pack_picture(Signal("image", samples), **rate)
            return pack_body(file.params, file.sections)

        return counted(in_order(packed, crops(), min(threads, len(tiles))), len(tiles), progress)

    @torch.no_grad()
    def pack_picture(
        self, signal: Signal, *, quality: float | None = None, lossless: bool = False, max_error: int | None = None
    ) -> TnfFile:
        """Compresses (H, W, C), C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; alpha without loss.

        Where the codec has it: with `lossless` every sample comes back, with `max_error` no further off than that.
        """
        samples = checked(signal)
        check_floats(samples)
        self.eval()
        coder = get_entropy_coder()
        if coder not in CODERS:
            raise InputError(f"coder {coder!r} has no number in the file format; allowed: {', '.join(CODERS)}")
        if lossless or max_error is not None:
            error = self._checked_error(quality, lossless, max_error, samples.dtype)
            strings, stored = self.compress_lossless(on_grid(colours(samples).int(), error)), _LOSSLESS - error
        else:
            level = self.level_of(self.default_quality if quality is None else quality)
            strings, stored = self.compress_samples(samples, level), round((level or 0) * 256)
        sections = [Section(PAYLOAD, pack_strings(strings))]
        if samples.shape[2] in (2, 4):
            sections.append(Section(ALPHA, pack_alpha(samples[:, :, -1])))
        if signal.metadata:
            sections.append(Section(METADATA, pack_metadata(signal.metadata)))
        if self.halvings:
            sections.reverse()  # what is to be decoded from the beginning of a file has all else before it
        portable = 0 if self.is_portable else NOT_PORTABLE
        params = PARAMS.pack(stored, CODERS.index(coder) | portable)
        file = TnfFile(
            "image", self.name, self.fingerprint(), samples.shape, str(samples.dtype), params, tuple(sections)
        )
        return replace(file, params=params + _check_of(file)) if self.halvings else file

    def unpack(
        self, file: TnfFile, *, scale: int = 1, threads: int = THREADS, progress: Progress | None = None
    ) -> Signal:
        """The picture, whole or in tiles, as `unpack_picture`; a small one of tiles needs all of the file."""
        if file.find(INDEX) is None:
            return self.unpack_picture(file, scale=scale)
        reader = PictureReader(self, file, scale=self._checked_scale(scale))
        return Signal("image", reader.read(threads=threads, progress=progress), reader.metadata)

    @torch.no_grad()
    def unpack_picture(self, file: TnfFile, *, scale: int = 1) -> Signal:
        """The picture, of the shape that was packed; or at 1 / scale of its size, up to 2 ** `halvings`.

        For that the beginning of a file is enough; FormatError where it does not hold that size.
        """
        height, width, channels, stored, coder = self._checked_header(file)
        self._checked_scale(scale)
        self.eval()
        strings = (unpack_strings if scale == 1 else unpack_first_strings)(file.require(PAYLOAD))
        if not strings:
            raise FormatError("the file is cut off before the end of its first stream")
        if any(len(stream) != 1 for stream in strings):
            raise FormatError("the payload is a batch of pictures; a file holds one")
        skip = {"skip": scale.bit_length() - 1} if self.halvings else {}
        if self.has_lossless and stored >= _LOSSLESS - MOST_ERROR:
            peak = PEAKS[file.dtype]
            x = self.decompress_lossless(strings, (1 if channels < 3 else 3, height, width), peak=peak, **skip)
            samples = whole_samples(off_grid(x, _LOSSLESS - stored, peak).permute(1, 2, 0), file.dtype)
        else:
            level = stored / 256 if self.has_levels else None
            with using_entropy_coder(CODERS[coder]):
                kind = {"grey": channels < 3, "dtype": file.dtype}
                samples = self.decompress_samples(strings, (height, width), level, **kind, **skip)
        if channels in (2, 4):
            alpha = unpack_alpha(file.require(ALPHA), (height, width), scale, file.dtype)
            samples = np.concatenate([samples, alpha[:, :, None]], axis=2)
        metadata = file.find(METADATA)
        return Signal("image", samples, {} if metadata is None else unpack_metadata(metadata))

    def compress_samples(self, samples: np.ndarray, level: float | None) -> list[list[bytes]]:
        """The strings of (H, W, C), without its alpha."""
        x = pad_to_multiple(to_tensor(samples), self.downsampling_factor)
        return self.compress(x.contiguous(memory_format=torch.channels_last), level).strings

    def decompress_samples(
        self,
        strings: list[list[bytes]],
        size: tuple[int, int],
        level: float | None,
        grey: bool,
        dtype: str,
        **skip: int,
    ) -> np.ndarray:
        """(H, W, 1 or 3) of dtype, of the strings of a picture of this size."""
        height, width = size
        factor = self.downsampling_factor
        shape = self.shape_for(height + -height % factor, width + -width % factor)
        x_hat = self.decompress(strings, shape, level, **skip).x_hat
        return to_samples(x_hat[:, :, :height, :width], grey, dtype)

    def _checked_scale(self, scale: int) -> int:
        if scale < 1 or scale & (scale - 1) or scale > 1 << self.halvings:
            raise InputError(f"scale is {scale}; allowed: powers of two up to {1 << self.halvings}")
        return scale

    def _checked_error(self, quality: float | None, lossless: bool, max_error: int | None, dtype: Any) -> int:
        if dtype == np.float32:
            raise ConfigError("a picture of floats cannot be kept without loss or within an error; make it uint16")
        if not self.has_lossless or quality is not None or (lossless and max_error is not None):
            raise ConfigError(
                f"codec {self.name!r} with lossless={lossless}, max_error {max_error}, quality {quality}; allowed: one "
                "that keeps every sample, without a quality, and one of the two"
            )
        error = 0 if max_error is None else max_error
        if not isinstance(error, int) or not 0 <= error <= MOST_ERROR:
            raise ConfigError(f"max_error is {max_error}; allowed: 0 to {MOST_ERROR}")
        return error

    def _checked_header(self, file: TnfFile) -> tuple[int, int, int, int, int]:
        if file.modality != "image" or len(file.shape) != 3 or file.shape[2] not in (1, 2, 3, 4) or 0 in file.shape:
            raise FormatError(f"a picture cannot have shape {file.shape}")
        size = PARAMS.size + CHECK.size * bool(self.halvings)
        if len(file.params) != size or file.dtype not in PEAKS:
            raise FormatError(f"parameters of {len(file.params)} bytes for {file.dtype}; a picture has {size}")
        if file.dtype == "float32" and file.shape[2] in (2, 4):
            raise FormatError("a picture of floats has no alpha")
        params, check = file.params[: PARAMS.size], file.params[PARAMS.size :]
        stored, coder = PARAMS.unpack(params)
        coder &= ~NOT_PORTABLE
        if check and check != _check_of(replace(file, params=params)):
            raise FormatError("the head of the file does not match its check: it is damaged")
        if coder >= len(CODERS):
            raise FormatError(f"coder number {coder} is unknown to this version; upgrade tinify-codec")
        return *file.shape, stored, coder


def _check_of(file: TnfFile) -> bytes:
    """Of what is said of a picture before its payload, whose streams have checks of their own."""
    known = struct.pack("<3Q", *file.shape) + file.params + file.fingerprint + file.codec.encode()
    return CHECK.pack(zlib.crc32(known) & 0xFFFF)
