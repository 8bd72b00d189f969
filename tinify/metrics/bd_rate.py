# SPDX-License-Identifier: Apache-2.0
"""Bjontegaard deltas: how two rate-distortion curves compare, in one number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinify.errors import InputError


def bd_rate(
    rate_anchor: Sequence[float],
    metric_anchor: Sequence[float],
    rate_test: Sequence[float],
    metric_test: Sequence[float],
) -> float:
    """Mean difference of rate at equal quality, in percent; negative: the test codec needs fewer bits.

        100 * (exp(mean over the common metric range of (ln R_test - ln R_anchor)) - 1)

    Rates are positive and of any unit; the metric grows with quality (decibels: PSNR, or -10 log10(1 - MS-SSIM)).
    Points in any order; those that break monotonicity are dropped. InputError when a curve has fewer than two points or
    the curves share no range.
    Source: Bjontegaard 2001, VCEG-M33; piecewise cubic Hermite (PCHIP) of ln rate over the metric instead of its
    cubic polynomial, the practice of JVET (ITU-T HSTP-VID-WPOM, 2020).
    """
    anchor, test = monotone_curve(rate_anchor, metric_anchor), monotone_curve(rate_test, metric_test)
    difference = _mean_difference(anchor[::-1], test[::-1], "metric")
    return 100 * float(np.expm1(difference))


def bd_psnr(
    rate_anchor: Sequence[float],
    metric_anchor: Sequence[float],
    rate_test: Sequence[float],
    metric_test: Sequence[float],
) -> float:
    """Mean difference of the metric at equal rate, in its unit; positive: the test codec is better.

    The metric as PCHIP over ln rate, over the common range of rates; otherwise as `bd_rate`.
    """
    anchor, test = monotone_curve(rate_anchor, metric_anchor), monotone_curve(rate_test, metric_test)
    return _mean_difference(anchor, test, "rate")


def common_range(metric_anchor: Sequence[float], metric_test: Sequence[float]) -> tuple[float, float]:
    """The range of the metric over which `bd_rate` compares; empty (low >= high) when there is none."""
    return max(min(metric_anchor), min(metric_test)), min(max(metric_anchor), max(metric_test))


def monotone_curve(rate: Sequence[float], metric: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """(ln rate, metric), both strictly increasing: a point is kept when it is better than every cheaper one."""
    rates, metrics = np.asarray(rate, dtype=np.float64), np.asarray(metric, dtype=np.float64)
    if rates.shape != metrics.shape or rates.ndim != 1:
        raise InputError(f"a curve of {rates.shape} rates and {metrics.shape} metrics; two equal lists are needed")
    if not (np.isfinite(rates).all() and np.isfinite(metrics).all() and (rates > 0).all()):
        raise InputError("a curve has a rate that is not positive, or a value that is not finite")
    order = np.lexsort((-metrics, rates))  # of equal rates the best comes first, and the others fall out
    rates, metrics = rates[order], metrics[order]
    best_before = np.maximum.accumulate(np.concatenate([[-np.inf], metrics[:-1]]))
    kept = metrics > best_before
    if kept.sum() < 2:
        raise InputError(f"a curve of {len(rates)} points, {kept.sum()} of them usable; at least two are needed")
    return np.log(rates[kept]), metrics[kept]


def _mean_difference(anchor: tuple[np.ndarray, ...], test: tuple[np.ndarray, ...], axis: str) -> float:
    """Mean of test - anchor, each given as (abscissae, ordinates), over the abscissae that they share."""
    from scipy.interpolate import PchipInterpolator

    low, high = common_range(anchor[0], test[0])
    if low >= high:
        ends = ", ".join(f"{c[0][0]:.4g} to {c[0][-1]:.4g}" for c in (anchor, test))
        raise InputError(f"the curves share no range of the {axis} ({ends}{' in ln' if axis == 'rate' else ''})")
    integrals = [float(PchipInterpolator(*curve).integrate(low, high)) for curve in (anchor, test)]
    return (integrals[1] - integrals[0]) / (high - low)
