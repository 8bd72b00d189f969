# SPDX-License-Identifier: Apache-2.0
"""When a codec file has paid for itself: bits of a fitted codec against those of a general one on rows held out.

rows = 8 bytes of the codec file / (bits saved per number x channels)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinify import container
from tinify.models.series.gaps import gap_codes
from tinify.models.series.series_mixing import SeriesMixing
from tinify.signal import Signal

QUALITIES = (40.0, 60.0, 80.0)
MOST_NUMBERS = 1 << 17
_TRIES, _CLOSE = 5, 0.005
_QUALITY_AN_OCTAVE, _FURTHER = 100 / 13, 1.3


@dataclass(frozen=True)
class Point:
    """Bits per number of both at (nearly) one error, the root mean square in the channels' deviations."""

    quality: float
    nrmse: float
    general: float
    fitted: float

    def rows(self, file_bytes: int, channels: int) -> float:
        """Rows after which a codec file of so many bytes is paid for; inf when it never is."""
        saved = (self.general - self.fitted) * channels
        return math.ceil(8 * file_bytes / saved) if saved > 0 else math.inf


def compare(
    fitted: SeriesMixing,
    general: SeriesMixing,
    pieces: Sequence[np.ndarray],
    qualities: Sequence[float] = QUALITIES,
    progress: Callable[[str, float], object] | None = None,
) -> list[Point]:
    """A point for each of the qualities from whole files of the pieces (T, C), at most MOST_NUMBERS numbers of them.

    The general codec is told the fitted one's scales, and the quality at which it has the same error is searched.
    """
    say, scale = progress or (lambda stage, share: None), fitted.fitted.scale.numpy()
    rows = max(1, MOST_NUMBERS // len(pieces) // pieces[0].shape[1])
    pieces, points = [piece[:rows] for piece in pieces if len(piece)], []
    for number, quality in enumerate(qualities):
        say("held-out rows", number / len(qualities))
        bits, error = _measure(fitted, pieces, quality, scale, None)
        points.append(Point(quality, error, _bits_at(general, pieces, quality, error, scale), bits))
    return points


def _bits_at(codec: SeriesMixing, pieces: list[np.ndarray], quality: float, aim: float, scale: np.ndarray) -> float:
    """Bits of the codec at an error of `aim`: of the nearest of some tries on one side of it, or on the line through
    the nearest on either side. Errors jump where another way of coding is chosen, so that a line goes no further."""
    below = above = None  # (octaves beyond `aim`, bits, quality)
    for _ in range(_TRIES):
        bits, error = _measure(codec, pieces, quality, scale, scale)
        if not (aim > 0 and error > 0):
            return bits
        off = math.log2(error / aim)
        if abs(off) < _CLOSE:
            return bits
        if off > 0:
            above = min(above or (math.inf,), (off, bits, quality))
        else:
            below = max(below or (-math.inf,), (off, bits, quality))
        if above and below:
            quality = (above[2] + below[2]) / 2
        else:
            quality = min(100.0, max(0.0, quality + _FURTHER * _QUALITY_AN_OCTAVE * off))
    if not (above and below):
        return (above or below)[1]
    return (above[0] * below[1] - below[0] * above[1]) / (above[0] - below[0])


def _measure(
    codec: SeriesMixing, pieces: list[np.ndarray], quality: float, scale: np.ndarray, told: np.ndarray | None
) -> tuple[float, float]:
    size, squares, known = 0, 0.0, 0
    for piece in pieces:
        data = container.pack(codec.pack(Signal("series", piece), quality=quality, scale=told))
        valid = gap_codes(piece) == 0
        x_hat = codec.unpack(container.unpack(data)).samples
        error = (x_hat.astype(np.float64) - piece) / scale
        squares += float(np.square(error[valid]).sum())
        known, size = known + int(valid.sum()), size + len(data)
    return 8 * size / max(1, sum(piece.size for piece in pieces)), math.sqrt(squares / max(known, 1))
