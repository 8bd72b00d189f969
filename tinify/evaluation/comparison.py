# SPDX-License-Identifier: Apache-2.0
"""BD-rate between curves, and between two runs over the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tinify.errors import InputError
from tinify.evaluation.curves import Curve
from tinify.metrics.bd_rate import bd_psnr, bd_rate, common_range

if TYPE_CHECKING:
    from tinify.evaluation.report import Run


@dataclass(frozen=True)
class Comparison:
    """How a codec stands to an anchor; negative `bd_rate_percent` means fewer bits than the anchor.

    `range_db` is where the two were compared, `pictures` how many entered the mean (0: two mean curves were compared).
    """

    anchor: str
    metric: str
    bd_rate_percent: float
    bd_db: float
    range_db: tuple[float, float]
    pictures: int = 0
    codec: str = ""

    @property
    def over(self) -> str:
        """What entered, in words."""
        if not self.pictures:
            return "mean curves"
        return f"{self.pictures} file{'s' if self.pictures > 1 else ''}"


def compare_curves(anchor: Curve, test: Curve, metric: str = "psnr_rgb") -> Comparison:
    """Two curves, as publications compare mean curves. InputError when they share no range."""
    anchor_values, test_values = anchor.values(metric), test.values(metric)
    rate = bd_rate(*anchor_values, *test_values)
    try:
        decibels = bd_psnr(*anchor_values, *test_values)
    except InputError:  # a common range of quality without one of rate: far apart, yet comparable
        decibels = float("nan")
    return Comparison(anchor.name, metric, rate, decibels, common_range(anchor_values[1], test_values[1]))


def compare_runs(name: str, anchors: Sequence[Curve], tests: Sequence[Curve], metric: str = "psnr_rgb") -> Comparison:
    """Mean over pictures of each picture's own comparison; runs hold one curve a picture, in the same order.

    Pictures whose two curves share no range are left out and not counted.
    """
    if [curve.name for curve in anchors] != [curve.name for curve in tests]:
        raise InputError(f"the runs to compare with {name} are not over the same pictures")
    found = []
    for anchor, test in zip(anchors, tests, strict=True):
        try:
            found.append(compare_curves(anchor, test, metric))
        except InputError:
            continue
    if not found:
        raise InputError(f"on no picture do the curves share a range with {name}")
    return Comparison(
        name,
        metric,
        sum(one.bd_rate_percent for one in found) / len(found),
        sum(one.bd_db for one in found) / len(found),
        (min(one.range_db[0] for one in found), max(one.range_db[1] for one in found)),
        len(found),
    )


def compare_to(anchor: Run, runs: Sequence[Run]) -> list[Comparison]:
    """Every other run in every metric that both have: signal by signal where both were measured on the same, else by
    their mean curves. Runs that share no range with the anchor are left out."""
    found = []
    for run in runs:
        for metric in run.mean.metrics:
            if run is anchor or metric not in anchor.mean.metrics:
                continue
            try:
                one = _compare(anchor, run, metric)
            except InputError:
                continue
            found.append(replace(one, anchor=anchor.name, codec=run.name))
    return found


def _compare(anchor: Run, run: Run, metric: str) -> Comparison:
    own, others = ({curve.name: curve for curve in one.items} for one in (run, anchor))
    if own and set(own) == set(others):
        return compare_runs(anchor.name, [others[name] for name in own], list(own.values()), metric)
    return compare_curves(anchor.mean, run.mean, metric)
