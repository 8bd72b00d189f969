# SPDX-License-Identifier: Apache-2.0
"""Offset and scale of each channel of a file, so that every series looks alike to a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinify.errors import FormatError, InputError

_WIDE = {"float64", "int64", "uint64", "int32", "uint32"}


@dataclass(frozen=True)
class Normalisation:
    """`z = (x - offset) / scale`, (C,) each in float64; a scale of 0 marks a channel that is constant."""

    offset: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray, valid: np.ndarray) -> Normalisation:
        """Mean and standard deviation of the valid samples (T, C), rounded to what the file will store."""
        x = np.ascontiguousarray(samples.T).astype(np.float64)  # channel after channel: sums run along memory
        gaps = None if valid.all() else ~valid.T
        count = np.maximum(valid.sum(axis=0), 1)
        if gaps is not None:
            x[gaps] = 0
        peak = np.maximum(x.max(axis=1, initial=0.0), -x.min(axis=1, initial=0.0))
        peak[peak == 0] = 1.0
        x /= peak[:, None]  # squares of 1e300 do not fit
        mean = x.sum(axis=1) / count
        x -= mean[:, None]
        if gaps is not None:
            x[gaps] = 0
        deviation = np.sqrt(np.einsum("ct,ct->c", x, x) / count)
        constant = _is_constant(samples, valid)
        scale = np.where(constant, 0.0, np.maximum(deviation * peak, np.finfo(np.float64).smallest_subnormal))
        return cls(*_stored(mean * peak, scale, samples.dtype.name))

    def in_units(self, units: np.ndarray, dtype: str) -> Normalisation:
        """The same offsets with `units` (C,), finite and positive, for scales; constant channels stay constant."""
        units = np.asarray(units, dtype=np.float64)
        if units.shape != self.scale.shape or not (np.isfinite(units).all() and (units > 0).all()):
            raise InputError(f"scales of shape {units.shape}; each of {len(self.scale)} channels needs one above 0")
        return Normalisation(*_stored(self.offset, np.where(self.scale > 0, units, 0.0), dtype))

    def apply(self, samples: np.ndarray) -> np.ndarray:
        """Normalised float32 samples (T, C); constant channels become 0."""
        scale = np.where(self.scale > 0, self.scale, np.inf)
        return ((samples.astype(np.float64) - self.offset) / scale).astype(np.float32)

    def undo(self, z: np.ndarray) -> np.ndarray:
        """Samples (T, C) in float64."""
        with np.errstate(over="ignore"):
            return z.astype(np.float64) * self.scale + self.offset

    def pack(self) -> bytes:
        """8 bytes a channel where float32 holds the numbers, else 16; the length tells which."""
        pairs = np.stack([self.offset, self.scale])
        with np.errstate(over="ignore", under="ignore"):
            narrow = pairs.astype("<f4")
        return (narrow if np.array_equal(narrow.astype(np.float64), pairs) else pairs.astype("<f8")).tobytes()

    @classmethod
    def unpack(cls, data: bytes, channels: int) -> Normalisation:
        """Undoes `pack`. FormatError when the bytes are not finite numbers for so many channels."""
        if channels == 0 and not data:
            return cls(np.zeros(0), np.zeros(0))
        kind = {8 * channels: "<f4", 16 * channels: "<f8"}.get(len(data))
        if kind is None:
            raise FormatError(f"{len(data)} bytes do not hold offset and scale of {channels} channels")
        offset, scale = np.frombuffer(data, kind).astype(np.float64).reshape(2, channels)
        if not (np.isfinite(offset).all() and np.isfinite(scale).all() and (scale >= 0).all()):
            raise FormatError("offsets and scales of the channels are not finite")
        return cls(offset, scale)


def _is_constant(samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
    constant = np.ones(samples.shape[1], dtype=bool)
    for channel in range(samples.shape[1]):
        values = samples[valid[:, channel], channel]
        constant[channel] = len(values) == 0 or bool((values == values[0]).all())
    return constant


def _stored(offset: np.ndarray, scale: np.ndarray, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    if dtype in _WIDE:
        return offset, scale
    with np.errstate(over="ignore", under="ignore"):
        narrow = offset.astype(np.float32).astype(np.float64), scale.astype(np.float32).astype(np.float64)
    kept = np.isfinite(narrow).all() and ((narrow[1] > 0) == (scale > 0)).all()
    return narrow if kept else (offset, scale)
