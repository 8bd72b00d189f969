# SPDX-License-Identifier: Apache-2.0
"""The figures of a study (extra `plot`)."""

from __future__ import annotations

import os
from typing import Any

from tinify.errors import MissingExtraError
from tinify.evaluation.study.results import View

_COLOURS = ("#0b6e99", "#c8553d", "#5b8c5a", "#8e6c8a", "#b08900", "#2f4858", "#d17ba0", "#7a9e9f", "#6b4226")
_GREYS = (("#555555", "--"), ("#555555", ":"), ("#999999", "-."))
_BITS, _ERRORS = (0.01, 10), (0.01, 0.6)


def plot_curves(path: str | os.PathLike, view: View) -> None:
    """Rate-distortion of all main codecs and peers, a panel a set; both axes logarithmic. PNG or SVG by the ending."""
    columns = min(4, len(view.sets))
    rows = -(-len(view.sets) // columns)
    figure = _figure(3.3 * columns, 2.9 * rows + 0.9)
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flatten()
    styles = _styles(view)
    lines: dict[str, Any] = {}
    for axes, name in zip(panels, view.sets, strict=False):
        _panel(axes, name)
        for codec, style in styles.items():
            points = [p for p in view.points(codec, name) if p[0] > 0 and p[1] > 0]
            if points:
                bits, errors = zip(*sorted(points), strict=True)
                (lines[codec],) = axes.plot(bits, errors, **style)
    for axes in panels[len(view.sets) :]:
        axes.set_visible(False)
    figure.supxlabel("bits per value, whole files", fontsize=10)
    figure.supylabel("NRMSE, in deviations of the train split", fontsize=10)
    labels = [view.label(codec) for codec in lines]
    figure.legend(list(lines.values()), labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=90)


def plot_speed(path: str | os.PathLike, view: View, target: float = 0.1) -> None:
    """Speed on one thread over bits at an NRMSE, both as geometric means over the sets; bits by those of SZ3.

    Codecs that get there on fewer than half of the sets are left out.
    """
    figure = _figure(7.5, 4.6)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e8e8e8", linewidth=0.7, which="both")
    axes.set_axisbelow(True)
    for number, (codec, style) in enumerate(_styles(view).items()):
        bits = view.mean_ratio(codec, "SZ3", target)
        speeds = [view.mean_of(codec, "speed", f"{way}_mb_s") for way in ("encode", "decode")]
        if bits is None or None in speeds or 2 * len(view.ratios(codec, "SZ3", target)) < len(view.sets):
            continue  # a mean over few sets stands for other sets than the rest
        axes.plot([bits, bits], speeds, color=style["color"], linewidth=1)
        axes.plot(bits, speeds[0], marker="^", color=style["color"], markersize=7, markerfacecolor="white")
        axes.plot(bits, speeds[1], marker="o", color=style["color"], markersize=7)
        axes.annotate(
            view.label(codec), (bits, speeds[1]), (7, -11 if number % 2 else 4), textcoords="offset points", fontsize=8
        )
    axes.axvline(1.0, color="#999999", linewidth=1, linestyle="--")
    axes.set_yscale("log")
    axes.set_xlabel(f"bits at NRMSE {target:g}, by those of SZ3 (geometric mean over sets; left is better)")
    axes.set_ylabel("MB/s of float32, one thread")
    axes.set_title("circle: decoding; triangle: encoding", loc="left", fontsize=9)
    axes.margins(x=0.16)
    figure.savefig(path, dpi=90)


def _styles(view: View) -> dict[str, dict[str, Any]]:
    styles: dict[str, dict[str, Any]] = {}
    for number, codec in enumerate(view.codecs()):
        styles[codec] = {"color": _COLOURS[number % len(_COLOURS)], "marker": "o", "markersize": 3, "linewidth": 1.6}
    for number, peer in enumerate(view.peers):
        colour, line = _GREYS[number % len(_GREYS)]
        styles[peer] = {"color": colour, "linestyle": line, "linewidth": 1.3}
    return styles


def _panel(axes: Any, title: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*_BITS)
    axes.set_ylim(*_ERRORS)
    axes.set_yticks([0.01, 0.03, 0.1, 0.3], ["0.01", "0.03", "0.1", "0.3"])
    axes.set_xticks([0.01, 0.1, 1, 10], ["0.01", "0.1", "1", "10"])
    axes.minorticks_off()
    axes.grid(color="#e8e8e8", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, loc="left", fontsize=10)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError('figures need matplotlib: pip install "tinify-codec[plot]"') from error
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
