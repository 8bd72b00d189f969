# SPDX-License-Identifier: Apache-2.0
"""Draws the diagrams and curves of the documentation beside itself: `python docs/figures/draw.py`.

They bring a ground of their own, so that they can be read in light and dark, and are narrow enough for a phone.
"""

from __future__ import annotations

import math
import sys
from html import escape
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "_site"))

from zoo_pages import picture_chart  # noqa: E402

INK, LINE, GROUND = "#263238", "#607d8b", "#ffffff"
TEAL, SAND, ROSE, BLUE, GREY = "#d5f0ec", "#fff0cf", "#fde0e8", "#dfeaff", "#eef1f3"


class Drawing:
    """SVG elements in a box of some size, on white with round corners."""

    def __init__(self, width: int, height: int, title: str):
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def box(self, x: float, y: float, w: float, h: float, text: str, below: str = "", fill: str = TEAL) -> None:
        self.parts.append(f'<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="7" fill="{fill}" stroke="{LINE}"/>')
        middle = y + h / 2 + (5 if not below else -3)
        self.text(x + w / 2, middle, text, bold=True)
        if below:
            self.text(x + w / 2, middle + 18, below, size=12.5)

    def text(
        self, x: float, y: float, text: str, *, size: float = 15, bold: bool = False, side: str = "middle"
    ) -> None:
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{side}"{weight}>{escape(text)}</text>'
        )

    def arrow(self, *points: tuple[float, float], dashed: bool = False) -> None:
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        self.parts.append(
            f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="2" marker-end="url(#end)"{dash}/>'
        )

    def curve(self, path: str, colour: str) -> None:
        self.parts.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')

    def save(self, name: str) -> None:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'aria-label="{escape(self.title)}" font-family="Roboto,Helvetica,Arial,sans-serif" fill="{INK}">'
            f"<title>{escape(self.title)}</title>"
            '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0L8 4L0 8z" fill="{LINE}"/></marker></defs>'
            f'<rect width="{self.width}" height="{self.height}" rx="10" fill="{GROUND}"/>'
        )
        (HERE / name).write_text(head + "".join(self.parts) + "</svg>\n", "utf-8")


def home() -> None:
    d = Drawing(480, 396, "A picture or series goes through registered parts into a .tnf file, and back on any machine")
    _photo(d, 34, 20)
    _series(d, 178, 20)
    d.text(84, 108, "picture", size=13)
    d.text(228, 108, "time series", size=13)
    d.text(388, 62, "from a file, an array,", size=13)
    d.text(388, 80, "a folder of a million", size=13)
    d.arrow((156, 116), (156, 138))
    names = (("transform", TEAL), ("quantizer", SAND), ("entropy model", ROSE), ("coder", BLUE))
    x = 16
    for name, fill in names:
        width = {"entropy model": 126, "coder": 78}.get(name, 98)
        d.box(x, 144, width, 46, name, fill=fill)
        if name != "coder":
            d.arrow((x + width, 167), (x + width + 15, 167))
        x += width + 16
    d.text(240, 212, "each a part with a name: ours, or from anybody's plugin", size=13)
    d.arrow((240, 222), (240, 244))
    d.box(140, 250, 200, 54, "photo.tnf", "checked to the last bit", fill=GREY)
    d.text(404, 272, "lossy, bounded", size=13)
    d.text(404, 290, "or without loss", size=13)
    d.arrow((240, 304), (240, 330))
    d.box(70, 336, 340, 46, "restored on any machine, or an error", fill=TEAL)
    d.save("home.svg")


def _photo(d: Drawing, x: float, y: float) -> None:
    d.parts.append(f'<rect x="{x}" y="{y}" width="100" height="72" rx="5" fill="#cfe3f7" stroke="{LINE}"/>')
    d.parts.append(f'<circle cx="{x + 74}" cy="{y + 20}" r="9" fill="#f7c84b"/>')
    d.parts.append(
        f'<path d="M{x + 2} {y + 70}L{x + 34} {y + 30}L{x + 56} {y + 56}L{x + 70} {y + 42}L{x + 98} {y + 70}z" '
        'fill="#5b9a78"/>'
    )


def _series(d: Drawing, x: float, y: float) -> None:
    d.parts.append(f'<rect x="{x}" y="{y}" width="100" height="72" rx="5" fill="#f6f8f9" stroke="{LINE}"/>')
    for shift, height, colour in ((26, 14, "#00897b"), (50, 9, "#d81b60")):
        places = [(x + 4 + t, y + shift + height * math.sin(t / (5 + shift / 9)) * math.cos(t / 23)) for t in range(93)]
        d.curve("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in places), colour)


def data_path() -> None:
    d = Drawing(480, 560, "The stages of a codec, from the signal down to the file, and back")
    stages = (
        ("signal", "x", "samples: a picture, a series", GREY),
        ("transform", "y", "numbers, most of them near zero", TEAL),
        ("quantizer", "integers", "rounded: here something is lost", SAND),
        ("entropy model", "tables", "how probable each integer is", ROSE),
        ("coder", "bytes", "probable integers get few bits", BLUE),
        (".tnf file", "", "header, check sums, limits", GREY),
    )
    for number, (name, out, what, fill) in enumerate(stages):
        y = 16 + 92 * number
        d.box(70, y, 288, 56, name, what, fill=fill)
        if out:
            d.arrow((154, y + 58), (154, y + 88))
            d.text(144, y + 79, out, size=13, side="end")
            d.arrow((264, y + 90), (264, y + 60))
    for number, verb in enumerate(("synthesis", "dequantize", "", "decode", "unpack")):
        d.text(274, 95 + 92 * number, verb, size=13, side="start")
    d.arrow((358, 320), (396, 320), (396, 412), (364, 412))
    d.text(404, 362, "the same", size=13, side="start")
    d.text(404, 380, "tables", size=13, side="start")
    d.save("data-path.svg")


def hyperprior() -> None:
    d = Drawing(480, 300, "A hyperprior: z is sent first and gives scales and means, under which y is coded")
    d.text(34, 62, "y", bold=True)
    d.arrow((46, 57), (94, 57))
    d.box(96, 34, 84, 46, "round", fill=SAND)
    d.arrow((180, 57), (218, 57))
    d.box(220, 34, 124, 46, "Gaussians", fill=ROSE)
    d.arrow((344, 57), (378, 57))
    d.box(380, 34, 84, 46, "coder", fill=BLUE)
    d.arrow((34, 72), (34, 148), (54, 148))
    d.box(56, 125, 70, 46, "h_a", fill=TEAL)
    d.arrow((91, 171), (91, 208))
    d.text(102, 195, "z", size=14, side="start")
    d.box(50, 212, 84, 46, "round", fill=SAND)
    d.arrow((134, 235), (218, 235))
    d.box(220, 212, 124, 46, "learned table", fill=ROSE)
    d.arrow((344, 235), (378, 235))
    d.box(380, 212, 84, 46, "coder", fill=BLUE)
    d.arrow((176, 235), (176, 148), (244, 148))
    d.box(246, 125, 70, 46, "h_s", fill=TEAL)
    d.arrow((281, 123), (281, 84))
    d.text(292, 108, "scales, means", size=13, side="start")
    d.text(422, 282, "sent first", size=13)
    d.text(422, 104, "sent second", size=13)
    d.save("hyperprior.svg")


def gain() -> None:
    d = Drawing(480, 150, "y times gain, the codec inside, times the inverse gain")
    d.text(22, 62, "y", bold=True)
    d.arrow((32, 57), (62, 57))
    d.box(64, 34, 86, 46, "× gain", fill=SAND)
    d.arrow((150, 57), (172, 57))
    d.box(174, 34, 138, 46, "latent codec", "any", fill=ROSE)
    d.arrow((312, 57), (334, 57))
    d.box(336, 34, 94, 46, "× inverse", fill=SAND)
    d.arrow((430, 57), (456, 57))
    d.text(448, 30, "y_hat", bold=True)
    d.text(240, 112, "quality 0 to 100 chooses the gain, between learned levels", size=13)
    d.text(240, 132, "large gain: fine steps, many bits", size=13)
    d.save("gain.svg")


def file_layout() -> None:
    d = Drawing(480, 208, "A .tnf file: signature, header, parameters, sections, check sum")
    rows = (
        ("signature", "4 bytes: this is a .tnf file", GREY),
        ("header", "kind, codec, fingerprint of weights, type, shape", TEAL),
        ("parameters", "the codec's own: its quality, its choices", SAND),
        ("sections", "payload; metadata, gaps, alpha, index, requirements", BLUE),
        ("CRC-32", "4 bytes: of all before it", GREY),
    )
    for number, (name, what, fill) in enumerate(rows):
        y = 14 + 36 * number
        d.box(14, y, 116, 30, name, fill=fill)
        d.text(142, y + 20, what, size=13.5, side="start")
    d.save("file.svg")


def context() -> None:
    d = Drawing(480, 196, "Checkerboard: dark places first, then light ones, which have seen their neighbours")
    for row in range(5):
        for column in range(5):
            first = (row + column) % 2 == 0
            fill = "#80cbc4" if first else "#ffffff"
            d.parts.append(
                f'<rect x="{40 + 30 * column}" y="{16 + 30 * row}" width="30" height="30" '
                f'fill="{fill}" stroke="{LINE}"/>'
            )
            d.text(55 + 30 * column, 36 + 30 * row, "1" if first else "2", size=13)
    d.text(115, 186, "checkerboard: two steps", size=13)
    for row in range(5):
        for column in range(5):
            step = column + 3 * row
            d.parts.append(
                f'<rect x="{290 + 30 * column}" y="{16 + 30 * row}" width="30" height="30" '
                f'fill="#00897b" fill-opacity="{0.04 * step:.2f}" stroke="{LINE}"/>'
            )
            d.text(305 + 30 * column, 36 + 30 * row, str(step + 1), size=13)
    d.text(365, 186, "raster scan: wavefronts", size=13)
    d.save("context.svg")


def curves() -> None:
    (HERE / "photo-fast.svg").write_text(picture_chart("photo-fast", file=True) + "\n", "utf-8")


def main() -> None:
    for draw in (home, data_path, hyperprior, gain, file_layout, context, curves):
        draw()


if __name__ == "__main__":
    main()
