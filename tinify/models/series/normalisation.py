# SPDX-License-Identifier: Apache-2.0
"""Offset and scale of each channel, so that every series looks alike to a network, in few bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinify.errors import FormatError, InputError

DIGITS, MANY_DIGITS, MANY_ROWS = 3, 7, 1 << 14  # binary digits of a scale after its first
_LEAST, _TOP = -1074, 1023  # exponents of float64
_NARROW_LEAST, _NARROW_MOST = 1e-15, 1e15
_OFFSETS = 32  # offsets are whole multiples of a 32nd of the scale
_MOST = 1 << 53
# The form: five numbers of these many bits, then the least offset, then the scales, then the offsets.
_LEAD = (12, 3, 5, 6, 6)  # least exponent + 1074, digits, bits of a scale, bits of an offset, bits of the least offset


@dataclass(frozen=True)
class Normalisation:
    """`z = (x - offset) / scale`, (C,) each in float64; a scale of 0 marks a channel that is constant.

    What `of` and `in_units` give is what `pack` can hold: scales (2^digits + m) 2^e, offsets k / 32 of them. The codec
    works with these, so that their rounding is no error of the samples.
    """

    offset: np.ndarray
    scale: np.ndarray
    digits: int = DIGITS

    @classmethod
    def of(cls, samples: np.ndarray, valid: np.ndarray) -> Normalisation:
        """Mean and standard deviation of the valid samples (T, C), rounded."""
        moments = Moments.of(samples, valid)
        digits = MANY_DIGITS if len(samples) >= MANY_ROWS else DIGITS
        least = np.finfo(np.float64).smallest_subnormal
        scale = np.where(moments.constant, 0.0, np.maximum(moments.deviation, least))
        return cls._of_codes(*_codes(moments.mean, scale, digits), digits)

    def in_units(self, units: np.ndarray) -> Normalisation:
        """The same offsets with `units` (C,), finite and positive, for scales; constant channels stay constant."""
        units = np.asarray(units, dtype=np.float64)
        if units.shape != self.scale.shape or not (np.isfinite(units).all() and (units > 0).all()):
            raise InputError(f"scales of shape {units.shape}; each of {len(self.scale)} channels needs one above 0")
        scale = np.where(self.scale > 0, units, 0.0)
        return self._of_codes(*_codes(self.offset, scale, self.digits), self.digits)

    def apply(self, samples: np.ndarray) -> np.ndarray:
        """Normalised float32 samples (T, C); constant channels become 0."""
        scale = np.where(self.scale > 0, self.scale, np.inf)
        if samples.dtype == np.float32 and self._is_narrow:
            offset, factor = self.offset.astype(np.float32), (1 / scale).astype(np.float32)
            z = np.empty(samples.shape[::-1], np.float32)  # channel after channel: the loops run along memory
            for channel, row in enumerate(z):
                np.subtract(samples[:, channel], offset[channel], out=row)
                row *= factor[channel]
            return z.T
        return ((samples.astype(np.float64) - self.offset) / scale).astype(np.float32)

    def undo(self, z: np.ndarray, dtype: np.dtype | type = np.float64) -> np.ndarray:
        """Samples (T, C) in float64, or in float32 where these are what `dtype` asks for and lose nothing."""
        with np.errstate(over="ignore", invalid="ignore"):
            if dtype == np.float32 and z.dtype == np.float32 and self._is_narrow:
                x = np.ascontiguousarray(z.T) * self.scale.astype(np.float32)[:, None]
                x += self.offset.astype(np.float32)[:, None]
                return x.T
            return z.astype(np.float64) * self.scale + self.offset

    @property
    def _is_narrow(self) -> bool:
        """Whether float32 is as good as float64: numbers of moderate size, offsets not far beyond the scales."""
        inside = (self.scale > _NARROW_LEAST) & (self.scale < _NARROW_MOST) & (np.abs(self.offset) < 64 * self.scale)
        return bool((inside | (self.scale == 0)).all())

    def pack(self) -> bytes:
        """4 bytes and, as a rule, 1 to 3 a channel."""
        base, scales, offsets = _codes(self.offset, self.scale, self.digits)
        moving = offsets[scales > 0]
        least = int(moving.min()) if moving.size else 0
        spread = np.where(scales > 0, offsets - least, 0)
        folded = 2 * least if least >= 0 else -2 * least - 1
        widths = [int(values.max(initial=0)).bit_length() for values in (scales, spread)] + [folded.bit_length()]
        lead = [base - _LEAST, self.digits, *widths]
        bits = [_bits([value], width) for value, width in zip(lead, _LEAD, strict=True)]
        bits += [_bits([folded], widths[2]), _bits(scales, widths[0]), _bits(spread, widths[1])]
        return np.packbits(np.concatenate(bits), bitorder="little").tobytes()

    @classmethod
    def unpack(cls, data: bytes, channels: int) -> Normalisation:
        """Undoes `pack`. FormatError when the bytes are not finite numbers for so many channels."""
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        if len(bits) < sum(_LEAD):
            raise FormatError(f"{len(data)} bytes do not hold offset and scale of {channels} channels")
        base, digits, *widths = (int(_numbers(part, 1)[0]) for part in np.split(bits, np.cumsum(_LEAD))[:-1])
        ends = np.cumsum([sum(_LEAD), widths[2], channels * widths[0], channels * widths[1]])
        if -(-int(ends[-1]) // 8) != len(data):
            raise FormatError(f"{len(data)} bytes do not hold offset and scale of {channels} channels")
        folded, scales, spread = np.split(bits, ends)[1:4]
        folded = int(_numbers(folded, 1)[0])
        least = folded // 2 if folded % 2 == 0 else -(folded + 1) // 2
        found = cls._of_codes(base + _LEAST, _numbers(scales, channels), least + _numbers(spread, channels), digits)
        if not (np.isfinite(found.offset).all() and np.isfinite(found.scale).all()):
            raise FormatError("offsets and scales of the channels are not finite")
        return found

    @classmethod
    def _of_codes(cls, base: int, scales: np.ndarray, offsets: np.ndarray, digits: int) -> Normalisation:
        first = 1 << digits
        exponents, mantissas = np.divmod(np.maximum(scales - 1, 0), first)
        with np.errstate(over="ignore", invalid="ignore"):
            scale = np.where(scales > 0, np.ldexp((first + mantissas).astype(np.float64), exponents + base), 0.0)
            offset = np.where(scales > 0, offsets / _OFFSETS * scale, 0.0)
        return cls(offset, scale, digits)


@dataclass(frozen=True)
class Moments:
    """Per channel (C,): number of valid samples, their mean and standard deviation, and whether all are equal."""

    count: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    constant: np.ndarray

    @classmethod
    def of(cls, samples: np.ndarray, valid: np.ndarray) -> Moments:
        """Of the valid samples (T, C)."""
        quick = cls._quick(samples) if samples.dtype == np.float32 and valid.all() and len(samples) > 1 else None
        if quick is not None:
            return quick
        x = np.ascontiguousarray(samples.T).astype(np.float64)  # channel after channel: sums run along memory
        gaps = None if valid.all() else ~valid.T
        count = valid.sum(axis=0)
        some = np.maximum(count, 1)
        if gaps is not None:
            x[gaps] = 0
        peak = np.maximum(x.max(axis=1, initial=0.0), -x.min(axis=1, initial=0.0))
        peak[peak == 0] = 1.0
        x /= peak[:, None]  # squares of 1e300 do not fit
        mean = x.sum(axis=1) / some
        x -= mean[:, None]
        if gaps is not None:
            x[gaps] = 0
        deviation = np.sqrt(np.einsum("ct,ct->c", x, x) / some)
        return cls(count, mean * peak, deviation * peak, _is_constant(samples, valid))

    @classmethod
    def _quick(cls, samples: np.ndarray) -> Moments | None:
        """In float32 and few passes; None where that is not good enough."""
        x = np.array(samples.T, order="C")
        low, high = x.min(axis=1), x.max(axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = x.mean(axis=1)
            x -= mean[:, None]
            deviation = np.sqrt(np.array([row @ row for row in x], np.float64) / x.shape[1])
        good = (deviation > _NARROW_LEAST) & (deviation < _NARROW_MOST) & (np.abs(mean) < 64 * deviation)
        moments = cls(np.full(len(x), x.shape[1]), mean.astype(np.float64), deviation, low == high)
        return moments if (good & (low < high)).all() else None

    @classmethod
    def deviation_of_all(cls, parts: Sequence[Moments]) -> np.ndarray:
        """The standard deviation (C,) of all parts taken together; 1 where it is 0."""
        count = np.stack([part.count for part in parts]).astype(np.float64)
        mean, deviation = (np.stack([getattr(part, name) for part in parts]) for name in ("mean", "deviation"))
        share = count / np.maximum(count.sum(axis=0), 1)
        peak = np.maximum(np.abs(mean).max(axis=0), deviation.max(axis=0))
        peak[peak == 0] = 1.0
        mean, deviation = mean / peak, deviation / peak
        spread = np.square(deviation) + np.square(mean - (share * mean).sum(axis=0))
        whole = np.sqrt((share * spread).sum(axis=0)) * peak
        return np.where(whole > 0, whole, 1.0)


def _is_constant(samples: np.ndarray, valid: np.ndarray) -> np.ndarray:
    constant = np.ones(samples.shape[1], dtype=bool)
    for channel in range(samples.shape[1]):
        values = samples[valid[:, channel], channel]
        constant[channel] = len(values) == 0 or bool((values == values[0]).all())
    return constant


def _codes(offset: np.ndarray, scale: np.ndarray, digits: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Least exponent, scale codes (0 = constant, else 1 + mantissa + 2^digits exponent) and offsets in 32nds."""
    moving = scale > 0
    # Bounds that keep all numbers finite, and offsets below 2^53 of their unit.
    lowest = np.maximum(np.abs(offset) * 2.0**-47, np.ldexp(1.0, _LEAST + digits))
    part, exponent = np.frexp(np.clip(np.maximum(scale, lowest), None, np.ldexp(1.0, _TOP)))
    mantissa, exponent = np.rint(np.ldexp(part, digits + 1)).astype(np.int64), exponent.astype(np.int64) - digits - 1
    over = mantissa == 2 << digits
    mantissa, exponent = np.where(over, 1 << digits, mantissa), exponent + over
    base = int(exponent[moving].min()) if moving.any() else _LEAST
    scales = np.where(moving, 1 + mantissa - (1 << digits) + ((exponent - base) << digits), 0)
    rounded = np.where(moving, np.ldexp(mantissa.astype(np.float64), exponent), 1.0)
    with np.errstate(over="ignore"):
        offsets = np.clip(np.rint(offset / rounded * _OFFSETS), -_MOST, _MOST)
        offsets -= np.where(np.isfinite(offsets / _OFFSETS * rounded), 0, np.sign(offsets))
    return base, scales, np.where(moving, offsets, 0).astype(np.int64)


def _bits(values: Sequence[int] | np.ndarray, width: int) -> np.ndarray:
    """Low bits first, `width` of each value."""
    return ((np.asarray(values, np.int64)[:, None] >> np.arange(width)) & 1).astype(np.uint8).ravel()


def _numbers(bits: np.ndarray, count: int) -> np.ndarray:
    """Undoes `_bits`, int64."""
    width = len(bits) // max(count, 1)
    return (bits.reshape(count, width).astype(np.int64) << np.arange(width)).sum(axis=1)
