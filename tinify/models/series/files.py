# SPDX-License-Identifier: Apache-2.0
"""Series to files and back, for every series codec: chunks, gaps, constants, scales, types, lengths."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from tinify.container import (
    CRITICAL,
    GAPS,
    METADATA,
    PAYLOAD,
    Body,
    Section,
    TnfFile,
    pack_body,
    pack_entries,
    pack_metadata,
    pack_strings,
    unpack_strings,
)
from tinify.errors import FormatError, InputError
from tinify.models.in_order import THREADS, Progress, counted, in_order
from tinify.models.series.bounded import is_bounded, pack_bounded, unpack_bounded
from tinify.models.series.chunks import Chunks
from tinify.models.series.error_bound import ErrorBound, Extent, Limits
from tinify.models.series.gaps import fill_gaps, gap_codes, pack_gaps, restore_gaps, unpack_gaps
from tinify.models.series.normalisation import Moments, Normalisation
from tinify.models.series.reader import SeriesReader
from tinify.models.series.verbatim import deflate, deflated_size, inflate
from tinify.signal import Signal

NORMALISATION, CONSTANTS, VERBATIM = 16 | CRITICAL, 17 | CRITICAL, 18 | CRITICAL
_TEXT = "csv"  # metadata of a series that was, and will be, text
_PARAMS = struct.Struct("<BI")  # stages, steps of a sequence


class SeriesFiles:
    """`pack` and `unpack` of a series codec over `compress` and `decompress` of (B, C, T).

        (T, C) any dtype -> chunks of rows -> gaps out, constants out, normalised -> encode_series -> payload section
                                              └────────── pack_rows, unpack_rows ──────────┘

    NaN and infinities come back exactly where they were, constant channels exactly, integers rounded; what is too short
    or too wild to gain from the codec is kept verbatim (deflated), so a file is never much larger than the data.
    A series of one chunk is a file without index. Chunks are coded on several threads: what a codec overrides here
    (`encode_series`, `decode_series`) keeps no state between calls.
    """

    patch: int
    sequence_steps: int = 256
    """Patches in a sequence, at most: sequences are coded side by side, and each can be decoded alone."""

    def pack(
        self,
        signal: Signal,
        *,
        quality: float | None = None,
        scale: np.ndarray | None = None,
        chunk: int | None = None,
        threads: int = THREADS,
        progress: Progress | None = None,
        **bound: Any,
    ) -> TnfFile:
        """Compresses (T, C) samples of any integer or floating type, T and C may be 0.

        `scale` (C,), positive: what counts as one unit of error in each channel; None takes the deviations of the whole
        series. A chunk has at most `chunk` rows, by default about a million numbers. Bytes do not depend on `threads`.
        bound: `max_error`, a number or an `ErrorBound`, within which each finite value comes back, or `lossless=True`;
        then a quality is that of the base (see `pack_bounded`), and `scale` says nothing.
        """
        chunks = Chunks.of(*_checked(signal).shape, chunk)
        options = {"quality": quality, "scale": scale, "threads": threads, "progress": progress, **bound}
        bodies = self.pack_chunks(signal, chunks, **options)
        if len(chunks) > 1:
            sections = pack_entries([pack_body(body.params, body.sections) for body in bodies])
            return self.header(signal, chunks.pack(), sections)
        body = next(bodies, None) or self.pack_rows(signal.samples[:0], quality)
        return self.header(signal, body.params, body.sections)

    def header(self, signal: Signal, params: bytes, sections: tuple[Section, ...] = ()) -> TnfFile:
        """The file with that body; `signal` gives shape, type and metadata, which stand before an index."""
        known = (Section(METADATA, pack_metadata(signal.metadata)),) if signal.metadata else ()
        shape, dtype = tuple(signal.samples.shape), np.dtype(signal.samples.dtype).name
        return TnfFile("series", self.name, self.fingerprint(), shape, dtype, params, (*known, *sections))

    def pack_chunks(
        self,
        signal: Signal,
        chunks: Chunks,
        *,
        quality: float | None = None,
        scale: np.ndarray | None = None,
        threads: int = THREADS,
        progress: Progress | None = None,
        max_error: Any = None,
        lossless: bool = False,
    ) -> Iterator[Body]:
        """One chunk after the other; of `signal.samples` only rows, `samples[a:b]`, are taken, a few chunks at a time.

        Without a `scale` the rows are read twice: first for the deviations of the whole series; with a `max_error`,
        only where that is relative.
        """
        samples, bound = _checked(signal), ErrorBound.given(max_error, lossless)
        self.eval()
        rows = (samples[part] for part in chunks)
        limits = None
        if bound is not None:
            parts = in_order(Extent.of, (samples[part] for part in chunks), threads) if bound.of != "absolute" else ()
            limits = Limits(bound.resolve(samples.shape[1], parts), _TEXT in signal.metadata)
        elif scale is None and len(chunks) > 1 and self.own_normalisation(samples.shape[1]) is None:
            parts = in_order(_moments, (samples[part] for part in chunks), threads)
            scale = Moments.deviation_of_all(list(parts))
        bodies = in_order(lambda piece: self.pack_rows(piece, quality, scale, limits), rows, min(threads, len(chunks)))
        return counted(bodies, len(chunks), progress)

    @torch.no_grad()
    def pack_rows(
        self,
        samples: np.ndarray,
        quality: float | None,
        units: np.ndarray | None = None,
        limits: Limits | None = None,
    ) -> Body:
        """A chunk, or a whole short series: (T, C) samples, within an error bound where `limits` are given."""
        samples = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder("="), copy=False))
        body = Body()
        if limits is not None:
            if samples.size:
                body = pack_bounded(self, samples, limits, quality)
        elif samples.shape[0] >= 2 * self.patch and samples.shape[1]:
            body = self._pack_coded(samples, quality, units)
        if not body.sections or _size(body) > 0.5 * deflated_size(samples):
            verbatim = Body(b"", (Section(VERBATIM, deflate(samples)),))
            if not body.sections or _size(body) >= _size(verbatim):
                return verbatim
        return body

    def _pack_coded(self, samples: np.ndarray, quality: float | None, units: np.ndarray | None) -> Body:
        codes = gap_codes(samples)
        stored = self.normalisation_of(samples, codes == 0)
        if stored is not None and units is not None:
            stored = stored.in_units(units)
        scale = self.checked_normalisation(samples.shape[1]) if stored is None else stored
        moving = scale.scale > 0
        z = scale.apply(fill_gaps(samples, codes))[:, moving]
        params, strings = self.encode_series(z, quality)
        sections = [] if stored is None else [Section(NORMALISATION, stored.pack())]
        if not moving.all():
            sections.append(Section(CONSTANTS, _constants(samples, codes, ~moving).tobytes()))
        if codes.any():
            sections.append(Section(GAPS | CRITICAL, pack_gaps(codes)))
        return Body(params, (*sections, Section(PAYLOAD, pack_strings(strings))))

    def normalisation_of(self, samples: np.ndarray, valid: np.ndarray) -> Normalisation | None:
        """Offsets and scales to store for the samples (T, C); None where the codec's own are used and none is stored.

        Channels that are constant are kept exactly only where a stored normalisation says so.
        """
        return Normalisation.of(samples, valid)

    def own_normalisation(self, channels: int) -> Normalisation | None:
        """The codec's own offsets and scales, all above 0, for so many channels; None where it has none."""
        return None

    def checked_normalisation(self, channels: int) -> Normalisation:
        """`own_normalisation`. FormatError where the codec has none for so many channels."""
        own = self.own_normalisation(channels)
        if own is None or own.scale.shape != (channels,) or not (own.scale > 0).all():
            raise FormatError(f"codec {self.name!r} has no scales of its own for {channels} channels")
        return own

    base_in_bounds: bool = False
    """Whether a base is coded in units of the error bound, so that the bound is the same in every channel."""

    def base_qualities(self, bound: float) -> tuple[float, ...]:
        """Qualities worth trying for a base, where the error bound is so many units of the normalised series."""
        return (25.0, 60.0)

    def encode_base(self, z: np.ndarray, quality: float) -> tuple[bytes, list[list[bytes]]]:
        """As `encode_series`, of a base that other integers in time refine."""
        return self.encode_series(z, quality)

    def encode_series(self, z: np.ndarray, quality: float | None) -> tuple[bytes, list[list[bytes]]]:
        """`(params, strings)` of normalised z (T, C) float32; a codec that cuts series in another way has its own."""
        x, steps = self._to_sequences(z)
        out = self.compress(x, quality)
        return _PARAMS.pack(out.shape[-1], steps), out.strings

    def decode_series(self, params: bytes, strings: list[list[bytes]], rows: int, channels: int) -> np.ndarray:
        """Undoes `encode_series`: (rows, channels) float32. FormatError when params and strings do not fit."""
        if len(params) != _PARAMS.size:
            raise FormatError(f"the file has {len(params)} bytes of parameters; a series has {_PARAMS.size}")
        stages, steps = _PARAMS.unpack(params)
        count = -(-rows // (self.patch * max(steps, 1)))
        if not 1 <= steps <= self.sequence_steps or count * steps * self.patch >= rows + (count + 1) * self.patch:
            raise FormatError(f"sequences of {steps} patches do not fit {rows} rows")
        x_hat = self.decompress(strings, (channels, count, steps, stages)).x_hat
        return x_hat.reshape(channels, count * steps * self.patch)[:, :rows].numpy().T

    def _to_sequences(self, z: np.ndarray) -> tuple[torch.Tensor, int]:
        rows, channels = z.shape
        patches = -(-rows // self.patch)
        count = -(-patches // self.sequence_steps)
        steps = -(-patches // count)
        x = np.empty((channels, count * steps * self.patch), np.float32)
        x[:, :rows], x[:, rows:] = z.T, z[-1:].T
        return torch.from_numpy(x.reshape(channels, count, steps * self.patch)), steps

    def unpack(self, file: TnfFile, *, threads: int = THREADS, progress: Progress | None = None) -> Signal:
        """The series, of the shape and type that were packed."""
        reader = SeriesReader(self, file)
        return Signal("series", reader.read(threads=threads, progress=progress), reader.metadata)

    @torch.no_grad()
    def unpack_rows(self, body: Any, rows: int, channels: int, dtype: np.dtype) -> np.ndarray:
        """Undoes `pack_rows`: (rows, channels). FormatError, DesyncError."""
        if is_bounded(body):
            return unpack_bounded(self, body, rows, channels, dtype)
        data = body.find(VERBATIM)
        if data is not None:
            return inflate(data, (rows, channels), dtype)
        stored = body.find(NORMALISATION)
        scale = self.checked_normalisation(channels) if stored is None else Normalisation.unpack(stored, channels)
        moving = scale.scale > 0
        strings = unpack_strings(body.require(PAYLOAD))
        z = self.decode_series(body.params, strings, rows, int(moving.sum()))
        if not moving.all():
            z, coded = np.zeros((rows, channels), dtype=np.float32), z
            z[:, moving] = coded
        gaps = body.find(GAPS)
        samples = _as_type(scale.undo(z, dtype), dtype)
        if not moving.all():
            samples[:, ~moving] = _read_constants(body.require(CONSTANTS), dtype, int((~moving).sum()))
        return samples if gaps is None else restore_gaps(samples, unpack_gaps(gaps, (rows, channels)))


def _checked(signal: Signal) -> Any:
    samples = signal.samples
    if signal.modality != "series" or len(samples.shape) != 2:
        raise InputError(f"a series codec takes (time, channels), not {signal.modality} of shape {samples.shape}")
    if samples.dtype.kind not in "fiub" or samples.dtype.itemsize > 8:
        raise InputError(f"a series codec takes integers, floats up to 64 bits and bool, not {samples.dtype}")
    return samples


def _moments(samples: np.ndarray) -> Moments:
    return Moments.of(samples, gap_codes(samples) == 0)


def _size(body: Body) -> int:
    return sum(len(section.data) for section in body.sections)


def _constants(samples: np.ndarray, codes: np.ndarray, constant: np.ndarray) -> np.ndarray:
    # The first number of the channel; a channel of gaps alone has none, and any value will do.
    columns = np.flatnonzero(constant)
    return samples[(codes[:, columns] == 0).argmax(axis=0), columns]


def _read_constants(data: bytes, dtype: np.dtype, count: int) -> np.ndarray:
    if len(data) != count * dtype.itemsize:
        raise FormatError(f"{len(data)} bytes do not hold {count} constants of {dtype}")
    return np.frombuffer(data, dtype)


def _as_type(x: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "b":
        return x >= 0.5
    if dtype.kind == "f":
        limit = float(np.finfo(dtype).max)
        return np.clip(x, -limit, limit).astype(dtype)
    limits = np.iinfo(dtype)
    rounded = np.rint(x)
    # float64 rounds the largest 64-bit integers up to 2^63 or 2^64, beyond the type.
    out = np.clip(rounded, limits.min, np.nextafter(float(limits.max), 0) if dtype.itemsize == 8 else limits.max)
    return out.astype(dtype)
