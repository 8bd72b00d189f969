# SPDX-License-Identifier: Apache-2.0
"""Values that are no numbers: where they are, and what stands there while the rest is coded."""

from __future__ import annotations

import zlib

import numpy as np

from tinify.errors import FormatError, LimitError

_SPECIAL = (None, np.nan, np.inf, -np.inf)


def gap_codes(samples: np.ndarray) -> np.ndarray:
    """(T, C) uint8: 0 a number, 1 NaN, 2 infinity, 3 minus infinity."""
    codes = np.zeros(samples.shape, dtype=np.uint8)
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        codes[np.isnan(samples)], codes[np.isposinf(samples)], codes[np.isneginf(samples)] = 1, 2, 3
    return codes


def pack_gaps(codes: np.ndarray) -> bytes:
    """Runs of equal codes, channel after channel: lengths as uint32 and a code each, deflated."""
    flat = codes.T.reshape(-1)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1]) if flat.size else np.zeros(0, np.int64)
    lengths = np.diff(np.append(starts, flat.size)).astype("<u4")
    return zlib.compress(lengths.tobytes() + flat[starts].tobytes(), 9)


def unpack_gaps(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    """Undoes `pack_gaps`. FormatError when the bytes are not the codes of (T, C) samples."""
    size = shape[0] * shape[1]
    inflate = zlib.decompressobj()
    try:
        runs = inflate.decompress(data, 5 * size + 5)
    except zlib.error as error:
        raise FormatError(f"the gap mask is damaged: {error}") from None
    if inflate.unconsumed_tail or not inflate.eof:
        raise LimitError("the gap mask holds more runs than there are samples")
    count, rest = divmod(len(runs), 5)
    lengths = np.frombuffer(runs[: 4 * count], "<u4").astype(np.int64)
    codes = np.frombuffer(runs[4 * count :], np.uint8)
    if rest or lengths.sum() != size or (codes.size and codes.max() >= len(_SPECIAL)):
        raise FormatError(f"the gap mask does not describe {shape} samples")
    return np.repeat(codes, lengths).reshape(shape[1], shape[0]).T


def fill_gaps(samples: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The samples (T, C), or where there are gaps a float64 copy with straight lines across, and ends carried on."""
    if not codes.any():
        return samples
    filled = samples.astype(np.float64)
    for channel in np.flatnonzero(codes.any(axis=0)):
        valid = codes[:, channel] == 0
        positions = np.flatnonzero(valid)
        values = filled[positions, channel] if len(positions) else np.zeros(1)
        filled[:, channel] = np.interp(np.arange(len(filled)), positions if len(positions) else [0], values)
    return filled


def restore_gaps(samples: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Puts NaN and infinities back in place, in `samples` itself."""
    for code, value in enumerate(_SPECIAL):
        if code:
            samples[codes == code] = value
    return samples
