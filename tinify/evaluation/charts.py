# SPDX-License-Identifier: Apache-2.0
"""Line charts as inline SVG that stretches with the page, with its labels in HTML so that they stay readable.

The drawing fills a 1000x1000 box that the browser stretches; strokes keep their width (`non-scaling-stroke`), and a
point is a stroke of no length with round ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files

BOX = 1000


@dataclass(frozen=True)
class Line:
    """Values to connect; `style` is one or more CSS classes, which also colour the legend. With `dots`, every point is
    marked."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: str
    dots: bool = False


@dataclass(frozen=True)
class Axis:
    """What an axis shows, from `low` to `high`."""

    label: str
    low: float
    high: float

    def place(self, value: float) -> float:
        """Where a value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, count: int = 7) -> list[float]:
        """Round values inside the range, `count` of them or a few fewer or more."""
        rough = (self.high - self.low) / count
        power = 10 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        first = math.ceil(self.low / step - 1e-9)
        return [step * number for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True)
class LogAxis(Axis):
    """As `Axis`, equal ratios equally far apart; `low` is positive."""

    def place(self, value: float) -> float:
        return math.log(max(value, 1e-12) / self.low) / math.log(self.high / self.low)

    def ticks(self, count: int = 7) -> list[float]:
        """1, 2 and 5 times powers of ten."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        rounds = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
        return [value for value in rounds if self.low <= value <= self.high]


def axis_around(label: str, values: Sequence[float], margin: float = 0.05) -> Axis:
    """An axis that holds all values with a margin on both sides."""
    low, high = min(values), max(values)
    space = margin * (high - low) or 1.0
    return Axis(label, low - space, high + space)


def chart(lines: Sequence[Line], x: Axis, y: Axis, title: str, legend: bool = True) -> str:
    """An HTML figure; `title` is what a screen reader says of it.

    Later lines lie above earlier ones and come first in the legend.
    """
    marks = [f'<span class="x" style="left:{100 * x.place(tick):.2f}%">{_number(tick)}</span>' for tick in x.ticks()]
    marks += [f'<span class="y" style="bottom:{100 * y.place(tick):.2f}%">{_number(tick)}</span>' for tick in y.ticks()]
    grid = "".join(f"M0 {BOX * (1 - y.place(tick)):.1f}H{BOX}" for tick in y.ticks())
    drawing = f'<path class="grid" d="{grid}"/>' + "".join(_drawing(line, x, y) for line in lines)
    names = "".join(f'<li class="{line.style}">{escape(line.name)}</li>' for line in reversed(lines))
    key = f'<ul class="legend">{names}</ul>' if legend else ""
    return (
        f'<figure class="chart">{key}<p class="axis">{escape(y.label)}</p>'
        f'<div class="plot"><svg viewBox="0 0 {BOX} {BOX}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}">{drawing}</svg>{"".join(marks)}</div>'
        f'<p class="axis end">{escape(x.label)}</p></figure>'
    )


def _drawing(line: Line, x: Axis, y: Axis) -> str:
    places = [(BOX * x.place(a), BOX * (1 - y.place(b))) for a, b in zip(line.x, line.y, strict=True)]
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in places)
    dots = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in places) if line.dots else ""
    return f'<path class="line {line.style}" d="{path}"/>' + (
        f'<path class="dots {line.style}" d="{dots}"/>' if dots else ""
    )


def _number(value: float) -> str:
    return f"{value:,.10g}".replace("-", "−")


def base_style() -> str:
    """The style sheet that charts and tables need."""
    return (files("tinify.evaluation") / "base.css").read_text(encoding="utf-8")
