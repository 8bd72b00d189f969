# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion curves as a picture (extra `plot`)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tinify.errors import MissingExtraError
from tinify.evaluation.curves import Curve

LABELS = {"psnr_rgb": "PSNR, RGB (dB)", "ms_ssim_db": "MS-SSIM (dB)"}
COLOURS = ("#0b6e99", "#c8553d", "#5b8c5a", "#8e6c8a", "#b08900")


def plot_curves(
    path: str | os.PathLike,
    curves: Sequence[Curve],
    published: Sequence[Curve] = (),
    metric: str = "psnr_rgb",
    title: str = "",
) -> None:
    """Writes a PNG or SVG, by the ending of `path`: `curves` in colour with their points, `published` thin and grey.

    Names stand at the upper end of each curve. MissingExtraError without matplotlib.
    """
    figure, axes = _axes(title, metric)
    names = []
    for curve, colour in zip(curves, COLOURS * (len(curves) // len(COLOURS) + 1), strict=False):
        axes.plot(*curve.values(metric), color=colour, marker="o", markersize=4, linewidth=2, zorder=3)
        names.append((curve, colour))
    for number, curve in enumerate(published):
        axes.plot(*curve.values(metric), color="#8a8a8a", linewidth=1, linestyle=("--", ":", "-.", "-")[number % 4])
        names.append((curve, "#6a6a6a"))
    rates = [rate for curve in curves for rate in curve.values(metric)[0]]
    values = [value for curve in curves for value in curve.values(metric)[1]]
    axes.set_xlim(0, 1.02 * max(rates))
    axes.set_ylim(min(values) - 0.5, max(values) + 0.5)
    _name_curves(axes, names, metric)
    figure.savefig(path, dpi=150, bbox_inches="tight")
    figure.clear()


def _axes(title: str, metric: str):
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
    axes.set_xlabel("bits per pixel")
    axes.set_ylabel(LABELS[metric])
    axes.set_title(title, loc="left", fontsize=11)
    return figure, axes


def _name_curves(axes, names, metric: str) -> None:
    """Puts each name beside the last visible point of its curve, apart enough to be read."""
    right, (bottom, top) = axes.get_xlim()[1], axes.get_ylim()
    ends = []
    for curve, colour in names:
        visible = [(r, v) for r, v in zip(*curve.values(metric), strict=True) if r <= right and bottom <= v <= top]
        if visible:
            ends.append((visible[-1][1], visible[-1][0], curve.name, colour))
    lowest = bottom - (top - bottom)
    for value, rate, name, colour in sorted(ends):
        height = max(value, lowest + 0.045 * (top - bottom))
        line = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "alpha": 0.6}
        axes.annotate(name, (rate, value), (right * 1.02, height), color=colour, fontsize=9, va="center",
                      annotation_clip=False, arrowprops=line)  # fmt: skip
        lowest = height
