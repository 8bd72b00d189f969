# SPDX-License-Identifier: Apache-2.0
"""A comparison as one HTML page that holds everything: style, script, curves as SVG, their numbers, crops as data."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from tinify.evaluation.charts import Axis, Line, LogAxis, base_style, chart
from tinify.evaluation.comparison import Comparison
from tinify.evaluation.crops import Crops, beside
from tinify.evaluation.plots import LABELS, visible_range
from tinify.evaluation.report import METHOD, Run

SHORT = {"psnr_rgb": "PSNR", "ms_ssim_db": "MS-SSIM", "nrmse_db": "NRMSE", "psnr": "PSNR of the range"}
_COLOURS, _DASHES = 10, 4


def render(
    runs: Sequence[Run],
    anchor: Run,
    comparisons: Sequence[Comparison],
    about: dict[str, Any],
    crops: Crops | None = None,
) -> str:
    """The page, from some tens of kilobytes; it refers to nothing outside itself. `about` as of `Evaluation`."""
    series = anchor.modality != "image"
    charts, data = _charts(runs, "bits per number" if series else "bits per pixel", "bits/value" if series else "bpp")
    fields = {
        "title": escape(f"{', '.join(run.name for run in runs[:3])} compared"),
        "style": base_style() + _text("page.css"),
        "script": _text("page.js"),
        "headline": escape(_headline(comparisons, anchor)),
        "lead": escape(_lead(runs, about)),
        "controls": _controls(data),
        "keys": "".join(_key(number, run, _style(number, runs)) for number, run in enumerate(runs)),
        "charts": charts,
        "anchor": escape(anchor.name),
        "deltas": _deltas(comparisons),
        "crops": _crops(crops) if crops else "",
        "numbers": "".join(_numbers(run) for run in runs),
        "about": "".join(f"<li>{escape(line)}</li>" for line in _about(runs, about)),
        "data": json.dumps({"charts": data}, separators=(",", ":")).replace("<", "\\u003c"),
    }
    return Template(_text("page.html")).substitute(fields)


def _text(name: str) -> str:
    return (files("tinify.evaluation") / name).read_text(encoding="utf-8").strip()


def _headline(comparisons: Sequence[Comparison], anchor: Run) -> str:
    if not comparisons:
        return f"Curves beside {anchor.name}"
    one = comparisons[0]
    share = one.bd_rate_percent
    how = f"{abs(share):.1f}\u00a0% {'fewer' if share < 0 else 'more'} bits than {anchor.name}"
    return f"{one.codec} needs {how} at equal {SHORT[one.metric]}"


def _lead(runs: Sequence[Run], about: dict[str, Any]) -> str:
    measured = max((len(run.items) for run in runs), default=0)
    if not measured:
        return "Mean curves from stored results."
    return f"Measured on {measured} file{'s' if measured > 1 else ''}, from whole files written and decoded again."


def _style(number: int, runs: Sequence[Run]) -> str:
    kind = runs[number].about.get("kind") == "published"
    before = sum((run.about.get("kind") == "published") == kind for run in runs[:number])
    return f"p{before % _DASHES}" if kind else f"c{before % _COLOURS}"


def _charts(runs: Sequence[Run], label: str, unit: str) -> tuple[str, list[dict[str, Any]]]:
    """Figures, the first one shown, and what the script has to know of each."""
    figures, data = [], []
    for metric in (metric for metric in LABELS if any(metric in run.mean.metrics for run in runs)):
        curves = [run.mean for run in runs if metric in run.mean.metrics]
        measured = [run.mean for run in runs if metric in run.mean.metrics and run.about.get("kind") != "published"]
        view = visible_range(measured or curves, metric)
        y = Axis(LABELS[metric], view.low, view.high)
        least = min(rate for curve in curves for rate in curve.values(metric)[0] if rate > 0)
        most = max(max(curve.values(metric)[0]) for curve in curves)
        tall = [value for curve in curves for value in curve.values(metric)[1]]
        for x, up in (
            (Axis(label, 0.0, view.rate), y),
            (_log(label, least, most), Axis(y.label, min(tall), max(tall))),
        ):
            lines = [_line(number, run, runs, metric) for number, run in enumerate(runs) if metric in run.mean.metrics]
            title = f"{SHORT[metric]} over {label} of {len(lines)} codecs"
            figure = chart(lines[::-1], x, up, title, legend=False)
            figures.append(figure if not figures else figure.replace("<figure ", "<figure hidden ", 1))
            log = isinstance(x, LogAxis)
            data.append({"metric": metric, "x": {"low": x.low, "high": x.high, "log": log, "unit": unit},
                         "y": {"low": up.low, "high": up.high}, "curves": _points(runs, metric)})  # fmt: skip
    return "".join(figures), data


def _log(label: str, least: float, most: float) -> LogAxis:
    return LogAxis(f"{label}, equal ratios equally far apart", least / 1.08, most * 1.08)


def _line(number: int, run: Run, runs: Sequence[Run], metric: str) -> Line:
    dots = run.about.get("kind") != "published"
    return Line(run.name, *run.mean.values(metric), f"{_style(number, runs)} k{number}", dots=dots)


def _points(runs: Sequence[Run], metric: str) -> list[dict[str, Any]]:
    found = []
    for number, run in enumerate(runs):
        points = [(point, getattr(point, metric)) for point in run.mean.points]
        rows = [
            [round(point.bpp, 5), round(value, 4), _hint(point)]
            for point, value in points
            if value is not None and math.isfinite(value)
        ]
        if metric in run.mean.metrics:
            found.append({"k": number, "name": run.name, "points": rows})
    return found


def _hint(point: Any) -> str:
    setting = f"at {point.setting}" if point.setting else ""
    seconds = f"{point.encode_s:.2g} s in, {point.decode_s:.2g} s out" if point.encode_s and point.decode_s else ""
    return "\n".join(filter(None, (setting, seconds)))


def _controls(data: Sequence[dict[str, Any]]) -> str:
    metrics = list(dict.fromkeys(one["metric"] for one in data))
    groups = [_choice("scale", "Axis of the rate", [("linear", "linear"), ("log", "logarithmic")])]
    if len(metrics) > 1:
        groups.insert(0, _choice("metric", "Quality", [(metric, SHORT[metric]) for metric in metrics]))
    return "".join(groups)


def _choice(what: str, label: str, values: Sequence[tuple[str, str]]) -> str:
    buttons = "".join(
        f'<button type="button" data-value="{value}" aria-pressed="{"false" if number else "true"}">{name}</button>'
        for number, (value, name) in enumerate(values)
    )
    return f'<div class="choice" role="group" aria-label="{label}" data-what="{what}">{buttons}</div>'


def _key(number: int, run: Run, style: str) -> str:
    name = escape(run.name)
    return f'<button type="button" data-curve="{number}" aria-pressed="true"><i class="{style}"></i>{name}</button>'


def _deltas(comparisons: Sequence[Comparison]) -> str:
    metrics = list(dict.fromkeys(one.metric for one in comparisons))
    by_codec: dict[str, dict[str, Comparison]] = {}
    for one in comparisons:
        by_codec.setdefault(one.codec, {})[one.metric] = one
    if not by_codec:
        return '<p class="note">No other curve shares a range with it.</p>'
    first = metrics[0]
    ordered = sorted(by_codec.items(), key=lambda pair: _percent(pair[1], first))
    shares = [_percent(found, first) for found in by_codec.values()]
    low, high = min(0.0, *shares), max(0.0, *shares)
    head = "<th>codec</th>" + "".join(f"<th>BD-rate, {SHORT[metric]}</th><th>BD, dB</th>" for metric in metrics)
    rows = [
        f"<tr><td>{escape(codec)}</td>"
        + "".join(_delta(found.get(metric)) for metric in metrics)
        + f'{_bar(found.get(first), low, high)}<td class="over">{_over(found)}</td></tr>'
        for codec, found in ordered
    ]
    bar = f'<th class="bar"><span hidden>as a bar, {SHORT[first]}</span></th>'
    return _table(f"{head}{bar}<th>over</th>", rows)


def _percent(found: dict[str, Comparison], metric: str) -> float:
    return found[metric].bd_rate_percent if metric in found else 0.0


def _delta(one: Comparison | None) -> str:
    if one is None:
        return "<td></td><td></td>"
    decibels = "" if math.isnan(one.bd_db) else f"{one.bd_db:+.2f}"
    return f"<td>{one.bd_rate_percent:+.1f} %</td><td>{decibels}</td>".replace("-", "−")


def _bar(one: Comparison | None, low: float, high: float) -> str:
    """From 0 to the percents, on an axis from `low` to `high` that holds 0."""
    if one is None:
        return '<td class="bar"></td>'
    span = high - low or 1.0
    left, right = sorted((0.0, one.bd_rate_percent))
    places = {"zero": -low / span, "left": (left - low) / span, "width": (right - left) / span}
    style = "; ".join(f"--{name}: {100 * place:.1f}%" for name, place in places.items())
    kind = ' class="less"' if one.bd_rate_percent < 0 else ""
    return f'<td class="bar"><span style="{style}"><i{kind}></i></span></td>'


def _over(found: dict[str, Comparison]) -> str:
    one = next(iter(found.values()))
    return f"{one.range_db[0]:.1f} to {one.range_db[1]:.1f} dB, {one.over}"


def _table(head: str, rows: Sequence[str]) -> str:
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _crops(crops: Crops) -> str:
    cells = "".join(
        f'<figure><img src="data:image/png;base64,{base64.b64encode(crop.png()).decode()}" '
        f'alt="Detail, {escape(crop.name)}"><figcaption><strong>{escape(crop.name)}</strong>{crop.caption}'
        "</figcaption></figure>"
        for crop in crops.crops
    )
    off = f" No setting of {', '.join(crops.off)} comes within 1 % of that." if crops.off else ""
    return (
        f'<section aria-labelledby="crops"><h2 id="crops">The same bytes</h2>'
        f'<div class="crops" style="--count: {beside(len(crops.crops))}">{cells}</div>'
        f'<p class="note">{escape(crops.picture)} at {crops.wanted:,} bytes, each codec at the setting that comes '
        f"nearest.{escape(off)} The window is where the codecs differ most; figures are of the whole picture.</p>"
        "</section>"
    )


def _numbers(run: Run) -> str:
    picture = run.modality == "image"
    columns = [
        ("setting", lambda p: p.setting), ("bpp" if picture else "bits/value", lambda p: f"{p.bpp:.4f}"),
        ("PSNR", lambda p: _figure(p.psnr_rgb if picture else p.psnr, ".2f")),
        ("MS-SSIM", lambda p: _figure(p.ms_ssim, ".5f")), ("NRMSE", lambda p: _figure(p.nrmse, ".4g")),
        ("max error", lambda p: _figure(p.max_error, ".4g")), ("encode s", lambda p: _figure(p.encode_s, ".3f")),
        ("decode s", lambda p: _figure(p.decode_s, ".3f")), ("encode MB", lambda p: _figure(p.encode_mb, ".0f")),
        ("decode MB", lambda p: _figure(p.decode_mb, ".0f")),
    ]  # fmt: skip
    cells = [[column[1](point) for column in columns] for point in run.mean.points]
    kept = [number for number in range(len(columns)) if any(row[number] for row in cells)]
    rows = ["<tr>" + "".join(f"<td>{escape(row[number])}</td>" for number in kept) + "</tr>" for row in cells]
    head = "".join(f"<th>{columns[number][0]}</th>" for number in kept)
    summary = f"<summary>{escape(run.name)} <small>{escape(_what(run))}</small></summary>"
    return f"<details>{summary}{_table(head, rows)}</details>"


def _figure(value: float | None, form: str) -> str:
    return "" if value is None else "lossless" if math.isinf(value) else format(value, form)


def _what(run: Run) -> str:
    about = run.about
    if about.get("kind") == "tinify":
        macs = about.get("macs_per_sample")
        cost = "" if macs is None else f", {macs:,.0f} MACs a sample"
        return f"weights {about['fingerprint']}, {about['weights_bytes'] / 1e6:.2f} MB{cost}"
    return ", ".join(filter(None, (about.get("what", ""), about.get("library", ""))))


def _about(runs: Sequence[Run], about: dict[str, Any]) -> list[str]:
    lines = [about.get("command", ""), METHOD if any(run.items for run in runs) else ""]
    machine = about.get("machine") or {}
    parts = [machine.get("processor", ""), f"{machine['cores']} cores" if "cores" in machine else ""]
    parts += [f"{about['threads']} thread(s), {about['jobs']} process(es)" if "jobs" in about else ""]
    lines.append(", ".join(filter(None, parts)))
    lines.append(", ".join(f"{name} {number}" for name, number in (about.get("versions") or {}).items()))
    return [line for line in lines if line]
