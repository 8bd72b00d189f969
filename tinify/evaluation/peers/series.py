# SPDX-License-Identifier: Apache-2.0
"""Peers of a series codec, of the extra `peers`: SZ3, zfp, and a uniform grid with pcodec; all keep an error bound.

(T, C) -> for each channel: bytes of the library -> dtype, shape, then each channel's bytes with their length
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from importlib import import_module

import numpy as np

from tinify.errors import InputError
from tinify.evaluation import quantize_pcodec
from tinify.evaluation.peers.base import Peer
from tinify.evaluation.setting import Bound
from tinify.models.series.error_bound import ErrorBound, Extent

BOUNDS = tuple(Bound(part, "range") for part in (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003))
_SCALE = "error bounds (--max-error 1%)"
_HEAD = struct.Struct("<BQI")
_SIZE = struct.Struct("<I")
_KINDS = ("float32", "float64")


def bounds_of(samples: np.ndarray, bound: Bound) -> np.ndarray:
    """The bound of each channel (C,), absolute."""
    return ErrorBound(bound.value, bound.of).resolve(samples.shape[1], [Extent.of(samples)])


def _by_channel(encode: Callable[[np.ndarray, float], bytes]) -> Callable[[np.ndarray, Bound], bytes]:
    """Whole numbers are given as float64; a channel whose bound is 0 gets the least that a float64 can have."""

    def encoder(samples: np.ndarray, bound: Bound) -> bytes:
        x = samples if samples.dtype == np.float32 else samples.astype(np.float64)
        if not np.isfinite(x).all():
            raise InputError("the series has gaps, which this peer cannot keep")
        pieces = [_HEAD.pack(_KINDS.index(x.dtype.name), *x.shape)]
        for column, eps in zip(x.T, bounds_of(samples, bound), strict=True):
            data = encode(np.ascontiguousarray(column), max(float(eps), 1e-300))
            pieces += [_SIZE.pack(len(data)), data]
        return b"".join(pieces)

    return encoder


def _from_channels(decode: Callable[[bytes, int, str], np.ndarray]) -> Callable[[bytes], np.ndarray]:
    def decoder(data: bytes) -> np.ndarray:
        kind, rows, channels = _HEAD.unpack_from(data)
        position, columns = _HEAD.size, []
        for _ in range(channels):
            (size,) = _SIZE.unpack_from(data, position)
            position += _SIZE.size + size
            columns.append(decode(data[position - size : position], rows, _KINDS[kind]))
        return np.stack(columns, axis=1)

    return decoder


def _library():
    return import_module("imagecodecs")


def _encode_sz3(column: np.ndarray, eps: float) -> bytes:
    return bytes(_library().sz3_encode(column, mode="abs", abs=eps))


def _decode_sz3(data: bytes, rows: int, kind: str) -> np.ndarray:
    return _library().sz3_decode(data, shape=(rows,), dtype=kind)


def _encode_zfp(column: np.ndarray, eps: float) -> bytes:
    return bytes(_library().zfp_encode(column, mode="accuracy", level=eps))


def _decode_zfp(data: bytes, rows: int, kind: str) -> np.ndarray:
    return np.asarray(_library().zfp_decode(data)).reshape(rows)


def _encode_pcodec(samples: np.ndarray, bound: Bound) -> bytes:
    """On a grid of steps of twice the bound, or of 1 for whole numbers without loss."""
    eps = bounds_of(samples, bound)
    whole = np.issubdtype(samples.dtype, np.integer)
    if not whole and not (eps > 0).all():
        raise InputError(f"quantize + pcodec has no step for the bound {bound} of a channel that does not vary")
    return quantize_pcodec.encode(samples, np.where(eps > 0, 2 * eps, 1.0))


SERIES = (
    Peer("sz3", "series", "imagecodecs", BOUNDS, _SCALE, _by_channel(_encode_sz3), _from_channels(_decode_sz3),
         summary="SZ3, each channel alone, absolute bound"),
    Peer("zfp", "series", "imagecodecs", BOUNDS, _SCALE, _by_channel(_encode_zfp), _from_channels(_decode_zfp),
         summary="zfp, each channel alone, fixed accuracy"),
    Peer("pcodec", "series", "pcodec", BOUNDS, _SCALE, _encode_pcodec, quantize_pcodec.decode,
         summary="a uniform grid, then pcodec without loss"),
)  # fmt: skip
