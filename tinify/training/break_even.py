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
_TRIES, _CLOSE = 3, 0.005
_QUALITY_AN_OCTAVE = 100 / 13


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
    """Bits of the codec at an error of `aim`: along the line through the two nearest of some tries."""
    tries = []
    for _ in range(_TRIES):
        bits, error = _measure(codec, pieces, quality, scale, scale)
        if not (aim > 0 and error > 0):
            return bits
        off = math.log2(error / aim)
        tries.append((off, bits))
        if abs(off) < _CLOSE:
            return bits
        quality = min(100.0, max(0.0, quality + _QUALITY_AN_OCTAVE * off))
    (x0, y0), (x1, y1) = sorted(tries, key=lambda t: abs(t[0]))[:2]
    return y0 if x0 == x1 else y0 - x0 * (y1 - y0) / (x1 - x0)


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
