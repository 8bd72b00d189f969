# SPDX-License-Identifier: Apache-2.0
"""Rate-distortion curves as one SVG: inside a page it takes the page's colours, as a file it brings its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 480, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 46
COLOURS = ("#00897b", "#d81b60", "#1e66d0", "#b26a00", "#7b4fbf", "#5f6b73")


@dataclass(frozen=True)
class Curve:
    """Points (rate, value) in the order of rates. The first curve of a chart is its subject and drawn thicker."""

    name: str
    points: list[tuple[float, float]]


@dataclass(frozen=True)
class Scale:
    """What an axis shows; logarithmic where that is asked."""

    label: str
    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
        else:
            power = 10 ** math.floor(math.log10((self.high - self.low) / 6))
            step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * 6 >= self.high - self.low)
            found = [step * k for k in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        return [value for value in found if self.low <= value <= self.high]


def chart(curves: list[Curve], x: Scale, y: Scale, title: str, *, file: bool = False) -> str:
    """The drawing. `file`: it stands alone, on white; else lines of the frame and text have the colour of the page."""
    ink, parts = ("#37474f" if file else "currentColor"), []
    for value in x.ticks():
        at = _x(x, value)
        parts.append(f'<path d="M{at:.1f} {_TOP}V{HEIGHT - _BOTTOM}" stroke="{ink}" stroke-opacity=".15"/>')
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - _BOTTOM + 17}" text-anchor="middle">{value:g}</text>')
    for value in y.ticks():
        at = _y(y, value)
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}" stroke="{ink}" stroke-opacity=".15"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x.label)}</text>')
    parts.append(f'<text x="{_LEFT + 6}" y="{_TOP + 14}" font-weight="600">{escape(y.label)}</text>')
    for number in reversed(range(len(curves))):
        parts.append(_line(curves[number], COLOURS[number % len(COLOURS)], 3 if number == 0 else 1.8, x, y))
    falls = curves[0].points[0][1] > curves[0].points[-1][1]
    parts.append(_legend([curve.name for curve in curves], _LEFT + 10 if falls else WIDTH - _RIGHT - 130))
    ground = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>' if file else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" class="curve" font-family="Roboto,Helvetica,Arial,sans-serif" font-size="13" '
        f'fill="{ink}"><title>{escape(title)}</title>{ground}{"".join(parts)}</svg>'
    )


def _x(scale: Scale, value: float) -> float:
    return _LEFT + scale.place(value) * (WIDTH - _LEFT - _RIGHT)


def _y(scale: Scale, value: float) -> float:
    return HEIGHT - _BOTTOM - scale.place(value) * (HEIGHT - _TOP - _BOTTOM)


def _line(curve: Curve, colour: str, width: float, x: Scale, y: Scale) -> str:
    inside = [(a, b) for a, b in curve.points if x.low <= a <= x.high and y.low <= b <= y.high]
    places = [(_x(x, a), _y(y, b)) for a, b in inside]
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in places) if places else ""
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="{width}" fill="{colour}"/>' for a, b in places)
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linejoin="round"/>{dots}'


def _legend(names: list[str], left: int) -> str:
    """In a lower corner, which falling curves leave free on the left and rising ones on the right."""
    parts = []
    for number, name in enumerate(names):
        y = HEIGHT - _BOTTOM - 12 - 18 * (len(names) - 1 - number)
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<path d="M{left} {y - 4}h18" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{left + 24}" y="{y}">{escape(name)}</text>')
    return "".join(parts)
