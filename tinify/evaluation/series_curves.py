# SPDX-License-Identifier: Apache-2.0
"""Rate and distortion of series codecs from real files of whole recordings, and the curves of their classical peers.

Bits per value: bytes of the whole files (headers, scales, all) * 8 / values. NRMSE: root of the mean squared error in
units of each channel's deviation on the train split.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tinify import container
from tinify.data.series import SeriesSet
from tinify.errors import InputError
from tinify.metrics.bd_rate import bd_rate
from tinify.signal import Signal

PEERS = {"SZ3": ("sz3",), "pcodec": ("quant+pcodec",), "trained DCT": ("tdct",)}
"""Peers of `classical_rd.json`, each with how the names of its variants begin."""


def measure(codec: Any, series: SeriesSet, quality: float, own_scale: bool = False, clock=time.perf_counter) -> dict:
    """One point of a curve: all recordings of a set at one quality, each a file.

    Codecs are given the deviations of the train split as the unit of error, or with `own_scale` take those of the file.
    """
    size = values = bits = 0
    error = worst = seconds_in = seconds_out = 0.0
    for piece in series.pieces:
        x = piece.astype(np.float32)
        start = clock()
        file = codec.pack(Signal("series", x), quality=quality, scale=None if own_scale else series.deviation)
        data = container.pack(file)
        middle = clock()
        y = codec.unpack(container.unpack(data)).samples
        seconds_in, seconds_out = seconds_in + middle - start, seconds_out + clock() - middle
        off = (y.astype(np.float64) - x) / series.deviation
        size, values, bits = size + x.nbytes, values + x.size, bits + 8 * len(data)
        error, worst = error + np.square(off).sum(), max(worst, float(np.abs(off).max()))
    return {
        "quality": quality,
        "bits_per_value": bits / values,
        "nrmse": float(np.sqrt(error / values)),
        "max_error": worst,
        "encode_mb_s": size / max(seconds_in, 1e-9) / 1e6,
        "decode_mb_s": size / max(seconds_out, 1e-9) / 1e6,
    }


def curve_of(points: Sequence[Mapping[str, float]]) -> list[tuple[float, float]]:
    """(bits per value, NRMSE) of measured points."""
    return [(point["bits_per_value"], point["nrmse"]) for point in points]


def at_targets(points: Sequence[tuple[float, float]], targets: Sequence[float]) -> list[float | None]:
    """Bits per value at each NRMSE of `targets`, from (bits per value, nrmse); None where the curve is not fine enough.

    Points that are no better than a cheaper one are left out. Logarithms are interpolated; beyond its coarsest point a
    curve counts with that point's bits.
    """
    curve = np.array(sorted((nrmse, bits) for bits, nrmse in useful(points)))
    found = []
    for target in targets:
        logs = np.interp(np.log(target), np.log(curve[:, 0]), np.log(np.maximum(curve[:, 1], 1e-6)))
        found.append(float(np.exp(logs)) if curve[0, 0] <= target else None)
    return found


def useful(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those (bits, nrmse) whose error is below that of every cheaper one, cheapest first."""
    kept: list[tuple[float, float]] = []
    for bits, nrmse in sorted(points):
        if not kept or nrmse < kept[-1][1]:
            kept.append((bits, nrmse))
    return kept


def peer_curves(measured: Mapping[str, Any]) -> dict[str, list[list[tuple[float, float]]]]:
    """For each peer the curves of its variants, from one set's entry in `classical_rd.json`."""
    curves = {}
    for peer, prefixes in PEERS.items():
        chosen = [points for name, points in measured.items() if isinstance(points, list) and name.startswith(prefixes)]
        curves[peer] = [[(bits, nrmse) for bits, nrmse, _ in points] for points in chosen]
    return curves


def peers_at_targets(measured: Mapping[str, Any], targets: Sequence[float]) -> dict[str, list[float | None]]:
    """Bits per value of each peer at `targets`: the least among its variants."""
    found = {}
    for peer, curves in peer_curves(measured).items():
        rows = [at_targets(points, targets) for points in curves]
        found[peer] = [min((row[i] for row in rows if row[i] is not None), default=None) for i in range(len(targets))]
    return found


def rate_difference(anchor: Sequence[tuple[float, float]], test: Sequence[tuple[float, float]]) -> float | None:
    """BD-rate in percent over -20 log10 NRMSE (negative: fewer bits than the anchor); None without a common range."""
    try:
        return bd_rate(*_decibels(anchor), *_decibels(test))
    except InputError:
        return None


def _decibels(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    kept = [(bits, nrmse) for bits, nrmse in points if bits > 0 and nrmse > 0]
    return [bits for bits, _ in kept], [-20 * float(np.log10(nrmse)) for _, nrmse in kept]


def geometric_mean(numbers: Sequence[float | None]) -> float | None:
    """None where a number is missing, or there is none."""
    if not numbers or any(n is None for n in numbers):
        return None
    return float(np.exp(np.mean(np.log([float(n) for n in numbers if n is not None]))))


def rounded(value: Any, digits: int = 5) -> Any:
    """The same nested lists and mappings with so many significant digits."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    return [rounded(item, digits) for item in value] if isinstance(value, list | tuple) else value
