# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion curves as a picture (extra `plot`)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from tinify.errors import MissingExtraError
from tinify.evaluation.curves import Curve

LABELS = {
    "psnr_rgb": "PSNR, RGB (dB)",
    "ms_ssim_db": "MS-SSIM (dB)",
    "nrmse_db": "NRMSE (-20 log10, dB)",
    "psnr": "PSNR of each channel's range (dB)",
}
COLOURS = ("#0b6e99", "#c8553d", "#5b8c5a", "#8e6c8a", "#b08900", "#3f4f9c", "#a8407a", "#4f8f8f", "#7a5230", "#6b7280")
STYLES = ("--", ":", "-.", "-")


def plot_curves(
    path: str | os.PathLike,
    curves: Sequence[Curve],
    published: Sequence[Curve] = (),
    metric: str = "psnr_rgb",
    title: str = "",
    rate: str = "bits per pixel",
) -> None:
    """Writes a PNG or SVG, by the ending of `path`: `curves` in colour with their points, `published` thin and grey.

    The axes show what at least half of the curves reach. MissingExtraError without matplotlib.
    """
    figure, axes = _axes(title, metric, rate)
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(
            *curve.values(metric), label=curve.name, color=colour, marker="o", markersize=4, linewidth=2, zorder=3
        )
    for number, curve in enumerate(published):
        style = STYLES[number % len(STYLES)]
        axes.plot(*curve.values(metric), label=curve.name, color="#8a8a8a", linewidth=1, linestyle=style)
    view = visible_range(curves or published, metric)
    axes.set_xlim(0, view.rate)
    axes.set_ylim(view.low, view.high)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    figure.savefig(path, dpi=150, bbox_inches="tight")


@dataclass(frozen=True)
class View:
    """Rates from 0 to `rate`, values from `low` to `high`."""

    rate: float
    low: float
    high: float


def visible_range(curves: Sequence[Curve], metric: str) -> View:
    """What at least half of the curves reach, and the values in it, with a margin."""
    points = [curve.values(metric) for curve in curves]
    ends = sorted((max(rates) for rates, _ in points if rates), reverse=True)
    rate = 1.08 * ends[(len(ends) - 1) // 2] if ends else 1.0
    inside = [value for rates, values in points for bits, value in zip(rates, values, strict=True) if bits <= rate]
    low, high = (min(inside), max(inside)) if inside else (0.0, 1.0)
    margin = 0.06 * (high - low) or 1.0
    return View(rate, low - margin, high + margin)


def _axes(title: str, metric: str, rate: str):
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError('plots need matplotlib: pip install "tinify-codec[plot]"') from error
    figure = Figure(figsize=(8, 5.2))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e4e4e4", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_xlabel(rate)
    axes.set_ylabel(LABELS[metric])
    axes.set_title(title, loc="left", fontsize=11)
    return figure, axes
