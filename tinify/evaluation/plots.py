# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion curves as a picture (extra `plot`)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tinify.errors import MissingExtraError
from tinify.evaluation.curves import Curve

LABELS = {"psnr_rgb": "PSNR, RGB (dB)", "ms_ssim_db": "MS-SSIM (dB)"}
COLOURS = ("#0b6e99", "#c8553d", "#5b8c5a", "#8e6c8a", "#b08900")
STYLES = ("--", ":", "-.", "-")


def plot_curves(
    path: str | os.PathLike,
    curves: Sequence[Curve],
    published: Sequence[Curve] = (),
    metric: str = "psnr_rgb",
    title: str = "",
) -> None:
    """Writes a PNG or SVG, by the ending of `path`: `curves` in colour with their points, `published` thin and grey.

    The first curve gives the range of both axes. MissingExtraError without matplotlib.
    """
    figure, axes = _axes(title, metric)
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(
            *curve.values(metric), label=curve.name, color=colour, marker="o", markersize=4, linewidth=2, zorder=3
        )
    for number, curve in enumerate(published):
        style = STYLES[number % len(STYLES)]
        axes.plot(*curve.values(metric), label=curve.name, color="#8a8a8a", linewidth=1, linestyle=style)
    rates, values = curves[0].values(metric)
    axes.set_xlim(0, 1.15 * max(rates))
    axes.set_ylim(min(values) - 2, max(values) + 1)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    figure.savefig(path, dpi=150, bbox_inches="tight")


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
