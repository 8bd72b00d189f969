# SPDX-License-Identifier: Apache-2.0
"""One HTML page that holds everything: style, script, pictures as data, plots as SVG."""

from __future__ import annotations

import base64
import io
from html import escape
from importlib.resources import files
from string import Template

import numpy as np

from tinify.demo.photo import PhotoStudy
from tinify.demo.series import SeriesStudy
from tinify.demo.tables import Figures, photo_figures, series_figures
from tinify.demo.trial import Trial
from tinify.evaluation.charts import Axis, Line, axis_around, base_style, chart
from tinify.evaluation.provenance import versions

CROP = 96
TYPES = {"JPEG": "image/jpeg", "WebP": "image/webp", "AVIF": "image/avif"}


def render(photo: PhotoStudy, series: SeriesStudy) -> str:
    """The page, about 1.5 MB for a photo of 600x400; it refers to nothing outside itself."""
    height, width = photo.photo.pixels.shape[:2]
    left, right = series.recording.window
    fields = {
        "style": base_style() + _text("page.css"),
        "script": _text("page.js"),
        "headline": _headline(photo, series),
        "width": width,
        "height": height,
        "restored": _png(photo.trials[0].restored),
        "references": _references(photo),
        "first_tag": "original",
        "bytes": f"{len(photo.trials[0].data):,}",
        "buttons": _buttons(photo),
        "crops": "".join(_crops(photo, *corner) for corner in photo.photo.crops),
        "curves": _curves(photo),
        "photo_table": _table(photo_figures(photo)),
        "series": _series(series, 0, len(series.recording.samples), 1),
        "window": f"{left} to {right}",
        "closer": _series(series, left, right, 2),
        "series_table": _table(series_figures(series)),
        "photo_credit": escape(photo.photo.credit),
        "series_credit": escape(series.recording.credit),
        "versions": escape(", ".join(f"{name} {number}" for name, number in versions().items())),
    }
    return Template(_text("page.html")).substitute(fields)


def _text(name: str) -> str:
    return (files("tinify.demo") / name).read_text(encoding="utf-8").strip()


def _headline(photo: PhotoStudy, series: SeriesStudy) -> str:
    picture = photo.trials[0].ratio(photo.photo.pixels.size)
    recording = series.trials[0].ratio(series.recording.samples.nbytes)
    return f"A photo in {_share(picture)} of its bytes, a heartbeat in {_share(recording)}, and both back again"


def _share(ratio: float) -> str:
    return f"1/{ratio:.0f}" if ratio >= 2 else f"{100 / ratio:.0f} %"


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _png(pixels: np.ndarray) -> str:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", optimize=True)
    return _data("image/png", buffer.getvalue())


def _tag(trial: Trial) -> str:
    return f"{trial.name}, {len(trial.data):,} bytes"


def _references(study: PhotoStudy) -> str:
    """What can lie on the left side: the original, and the peers' own files, which the browser decodes."""
    sources = [("original", _data("image/png", study.photo.file))]
    sources += [(trial.name, _data(TYPES[trial.name], trial.data)) for trial in study.trials[1:]]
    return "\n".join(
        f'<img class="left" data-name="{name}" src="{source}" alt="The photo, {name}"{" hidden" if number else ""}>'
        for number, (name, source) in enumerate(sources)
    )


def _buttons(study: PhotoStudy) -> str:
    choices = [("original", "original")] + [(trial.name, _tag(trial)) for trial in study.trials[1:]]
    return "".join(
        f'<button type="button" data-name="{name}" data-tag="{tag}" aria-pressed="{"false" if number else "true"}">'
        f"{name}</button>"
        for number, (name, tag) in enumerate(choices)
    )


def _crops(study: PhotoStudy, top: int, left: int) -> str:
    window = (slice(top, top + CROP), slice(left, left + CROP))
    shown = [("original", study.photo.pixels, "")]
    shown += [
        (trial.name, trial.restored, f"{len(trial.data):,} bytes, {study.psnr(trial):.2f} dB") for trial in study.trials
    ]
    cells = "".join(
        f'<figure class="{name.lower()}"><img src="{_png(pixels[window])}" alt="Detail, {name}">'
        f"<figcaption><strong>{name}</strong>{caption}</figcaption></figure>"
        for name, pixels, caption in shown
    )
    return f'<div class="crops" style="--count: {len(shown)}">{cells}</div>'


def _curves(study: PhotoStudy) -> str:
    lines = [Line(curve.name, *curve.values(), curve.name.lower(), dots=True) for curve in reversed(study.curves)]
    rates, ours = study.curves[0].values()
    x = Axis("bits per pixel", 0.0, 1.15 * max(rates))
    visible = [point.psnr_rgb for curve in study.curves for point in curve.points if point.bpp <= x.high]
    y = axis_around("PSNR, dB", [value for value in visible if value >= min(ours)], 0.08)
    return chart(lines, x, y, "PSNR over bits per pixel of each codec")


def _series(study: SeriesStudy, start: int, stop: int, trials: int) -> str:
    """Original and restored samples of the first channel; `trials` of the restored ones."""
    time = range(start, stop)
    original = study.recording.samples[start:stop, 0]
    lines = [Line("original", time, original, "original")]
    for trial, style in reversed(list(zip(study.trials[:trials], ("tinify", "peer"), strict=False))):
        lines.append(Line(_tag(trial), time, trial.restored[start:stop, 0], style))
    values = [float(value) for line in lines for value in line.y]
    x = Axis("sample", start, stop - 1)
    return chart(lines, x, axis_around("value", values), f"Samples {start} to {stop}, original and restored")


def _table(figures: Figures) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in figures.columns)
    rows = "".join(
        f"<tr{_row_class(row)}>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in figures.rows
    )
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row_class(row: tuple[str, ...]) -> str:
    return ' class="tinify"' if row[0].startswith("tinify") else ""
