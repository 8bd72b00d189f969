# SPDX-License-Identifier: Apache-2.0
"""Series to files and back, for every series codec: gaps, constants, scales, types, lengths."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import torch

from tinify.container import (
    CRITICAL,
    GAPS,
    METADATA,
    PAYLOAD,
    Section,
    TnfFile,
    pack_metadata,
    pack_strings,
    unpack_metadata,
    unpack_strings,
)
from tinify.errors import FormatError, InputError
from tinify.models.series.gaps import fill_gaps, gap_codes, pack_gaps, restore_gaps, unpack_gaps
from tinify.models.series.normalisation import Normalisation
from tinify.signal import Signal

NORMALISATION, CONSTANTS, VERBATIM = 16 | CRITICAL, 17 | CRITICAL, 18 | CRITICAL
_PARAMS = struct.Struct("<BI")  # stages, steps of a sequence
_PROBE_VALUES = 1 << 15


class SeriesFiles:
    """`pack` and `unpack` of a series codec over `compress` and `decompress` of (B, C, T).

        (T, C) any dtype -> gaps out, constants out, normalised, cut into sequences -> compress -> payload section

    NaN and infinities come back exactly where they were, constant channels exactly, integers rounded; what is too short
    or too wild to gain from the codec is kept verbatim (deflated), so a file is never much larger than the data.
    """

    patch: int
    sequence_steps: int = 256
    """Patches in a sequence, at most: sequences are coded side by side, and each can be decoded alone."""

    @torch.no_grad()
    def pack(self, signal: Signal, *, quality: float | None = None, scale: np.ndarray | None = None) -> TnfFile:
        """Compresses (T, C) samples of any integer or floating type, T and C may be 0.

        `scale` (C,), positive: what counts as one unit of error in each channel; None takes the file's deviations.
        """
        samples = _checked(signal)
        self.eval()
        params, sections = b"", ()
        if samples.shape[0] >= 2 * self.patch and samples.shape[1]:
            params, sections = self._pack_coded(samples, quality, scale)
        if not sections or _size(sections) > 0.5 * _deflated_size(samples):
            verbatim = (Section(VERBATIM, _deflate(samples)),)
            if not sections or _size(sections) >= _size(verbatim):
                params, sections = b"", verbatim
        if signal.metadata:
            sections = (*sections, Section(METADATA, pack_metadata(signal.metadata)))
        return TnfFile("series", self.name, self.fingerprint(), samples.shape, samples.dtype.name, params, sections)

    def _pack_coded(
        self, samples: np.ndarray, quality: float | None, units: np.ndarray | None
    ) -> tuple[bytes, tuple[Section, ...]]:
        codes = gap_codes(samples)
        scale = Normalisation.of(samples, codes == 0)
        scale = scale if units is None else scale.in_units(units, samples.dtype.name)
        moving = scale.scale > 0
        z = scale.apply(fill_gaps(samples, codes))[:, moving]
        params, strings = self.encode_series(z, quality)
        sections = [Section(NORMALISATION, scale.pack()), Section(PAYLOAD, pack_strings(strings))]
        if not moving.all():
            sections.append(Section(CONSTANTS, _constants(samples, codes, ~moving).tobytes()))
        if codes.any():
            sections.append(Section(GAPS | CRITICAL, pack_gaps(codes)))
        return params, tuple(sections)

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
        padded = np.concatenate([z, np.repeat(z[-1:], count * steps * self.patch - rows, axis=0)])
        x = torch.from_numpy(np.ascontiguousarray(padded.T))
        return x.reshape(channels, count, steps * self.patch), steps

    @torch.no_grad()
    def unpack(self, file: TnfFile) -> Signal:
        """The series, of the shape and type that were packed."""
        rows, channels, dtype = _checked_header(file)
        self.eval()
        data = file.find(VERBATIM)
        if data is not None:
            samples = _inflate(data, (rows, channels), dtype)
        else:
            samples = self._unpack_coded(file, rows, channels, dtype)
        metadata = file.find(METADATA)
        return Signal("series", samples, {} if metadata is None else unpack_metadata(metadata))

    def _unpack_coded(self, file: TnfFile, rows: int, channels: int, dtype: np.dtype) -> np.ndarray:
        scale = Normalisation.unpack(file.require(NORMALISATION), channels)
        moving = scale.scale > 0
        z = np.zeros((rows, channels), dtype=np.float32)
        strings = unpack_strings(file.require(PAYLOAD))
        z[:, moving] = self.decode_series(file.params, strings, rows, int(moving.sum()))
        gaps = file.find(GAPS)
        samples = _as_type(scale.undo(z), dtype)
        if not moving.all():
            samples[:, ~moving] = _read_constants(file.require(CONSTANTS), dtype, int((~moving).sum()))
        return samples if gaps is None else restore_gaps(samples, unpack_gaps(gaps, (rows, channels)))


def _checked(signal: Signal) -> np.ndarray:
    samples = signal.samples
    if signal.modality != "series" or samples.ndim != 2:
        raise InputError(f"a series codec takes (time, channels), not {signal.modality} of shape {samples.shape}")
    if samples.dtype.kind not in "fiub" or samples.dtype.itemsize > 8:
        raise InputError(f"a series codec takes integers, floats up to 64 bits and bool, not {samples.dtype}")
    return np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder("="), copy=False))


def _checked_header(file: TnfFile) -> tuple[int, int, np.dtype]:
    if file.modality != "series" or len(file.shape) != 2:
        raise FormatError(f"a series cannot have shape {file.shape}")
    return *file.shape, np.dtype(file.dtype)


def _size(sections: tuple[Section, ...]) -> int:
    return sum(len(section.data) for section in sections)


def _deflated_size(samples: np.ndarray) -> float:
    # An estimate from some rows: deflating all of a long series would take longer than its codec.
    rows = max(1, _PROBE_VALUES // max(samples.shape[1], 1))
    start = (len(samples) - rows) // 2
    probe = samples if len(samples) <= 2 * rows else samples[start : start + rows]
    return len(_deflate(probe)) * samples.size / max(probe.size, 1)


def _deflate(samples: np.ndarray) -> bytes:
    # Bytes of equal weight side by side deflate better than whole numbers.
    planes = np.ascontiguousarray(samples.T).view(np.uint8).reshape(-1, samples.itemsize) if samples.size else samples
    return zlib.compress(planes.T.tobytes(), 6)


def _inflate(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    size = shape[0] * shape[1] * dtype.itemsize
    inflate = zlib.decompressobj()
    try:
        planes = inflate.decompress(data, size + 1)
    except zlib.error as error:
        raise FormatError(f"the samples are damaged: {error}") from None
    if len(planes) != size or not inflate.eof:
        raise FormatError(f"the samples are not {shape} of {dtype}")
    numbers = np.frombuffer(planes, np.uint8).reshape(dtype.itemsize, -1).T.copy().view(dtype)
    return np.ascontiguousarray(numbers.reshape(shape[1], shape[0]).T)


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
