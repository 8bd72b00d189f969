# SPDX-License-Identifier: Apache-2.0
"""The model zoo from `zoo/`: cards, what was measured, configuration and recipe, so that nothing is copied."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from curve_svg import Curve, Scale, chart

ZOO = Path(__file__).resolve().parents[2] / "zoo"
FILES = (
    ("codec.toml", "What it is made of"),
    ("train.toml", "How it was trained"),
    ("restore.toml", "How its network was trained"),
)


def names() -> list[str]:
    return sorted(path.parent.name for path in ZOO.glob("*/codec.toml"))


def overview() -> str:
    """A table of all, for which `tinify models` has the same words."""
    lines = ["| codec | what it is for | weights |", "| --- | --- | --- |"]
    for name in names():
        weights = ZOO / name / "weights.safetensors"
        size = f"{weights.stat().st_size / 1e6:.1f} MB" if weights.is_file() else "those of another"
        lines.append(f"| [{name}]({name}.md) | {_summary(name)} | {size} |")
    return "\n".join(lines)


def card(name: str) -> str:
    """README, curves, files of one codec."""
    parts = [_relinked((ZOO / name / "README.md").read_text("utf-8").rstrip()), "## Measured", curve(name)]
    results = _results(name)
    if "command" in results:
        parts.append(f"Made by:\n\n```text\n{results['command']}\n```")
    parts += ["## Use it", f"```text\n{_use(name)}\n```"]
    for file, title in FILES:
        path = ZOO / name / file
        if path.is_file():
            parts.append(f'## {title}\n\n```toml title="zoo/{name}/{file}"\n{path.read_text("utf-8").rstrip()}\n```')
    return "\n\n".join(parts) + "\n"


def curve(name: str) -> str:
    """The measured curve beside those of others, and its numbers."""
    results = _results(name)
    if "sets" in results:
        return _series(name, results)
    if results.get("points") and "psnr_rgb" in results["points"][0]:
        return _pictures(name, results)
    if results.get("points") and "bytes" in results["points"][0]:
        return _repacked(results)
    return "Nothing is stored yet."


def picture_chart(name: str, *, file: bool = False) -> str:
    results = _results(name)
    curves = [Curve(name, _points(results["points"]))]
    curves += [Curve(peer, _points(points)) for peer, points in results["peers"].items()]
    title = f"PSNR against bits per pixel of {name} and {', '.join(results['peers'])}"
    return chart(curves, Scale("bits per pixel", 0, 2.2), Scale("PSNR, dB", 22, 44), title, file=file)


def _pictures(name: str, results: dict[str, Any]) -> str:
    data = results["data"]
    rows = ["| quality | bits per pixel | PSNR, dB | MS-SSIM, dB |", "| --- | --- | --- | --- |"]
    for point in results["points"]:
        numbers = point["quality"], point["bpp"], point["psnr_rgb"], point["ms_ssim_db"]
        rows.append("| {:g} | {:.3f} | {:.2f} | {:.2f} |".format(*numbers))
    drawing = f'<figure class="drawing">{picture_chart(name)}</figure>'
    text = f"{data['pictures']} pictures ({data['set']}); {results['method']}."
    return "\n\n".join([drawing, text, "\n".join(rows)])


def _series(name: str, results: dict[str, Any]) -> str:
    first = "ettm1" if "ettm1" in results["sets"] else next(iter(results["sets"]))
    found = results["sets"][first]
    targets = results["nrmse_targets"]
    curves = [Curve(name, sorted((p["bits_per_value"], p["nrmse"]) for p in found["points"] if p["nrmse"] > 0))]
    for peer, bits in found["peers"].items():
        curves.append(Curve(peer, sorted((b, t) for b, t in zip(bits, targets, strict=True) if b)))
    x, y = Scale("bits per number", 0.02, 10, log=True), Scale("NRMSE (lower is better)", 0.005, 1, log=True)
    drawing = f'<figure class="drawing">{chart(curves, x, y, f"Error against bits, {name}, {first}")}</figure>'
    head = ["set", *(f"NRMSE {target:g}" for target in targets)]
    rows = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for each, values in results["sets"].items():
        bits = ("" if value is None else f"{value:.3g}" for value in values["bits_per_value"])
        rows.append(f"| {each} | " + " | ".join(bits) + " |")
    text = f"The drawing shows one set, `{first}`. Below: bits per number on the test part of every set, whole files;"
    return "\n\n".join([drawing, f"{text} an empty place means that the codec does not get there.", "\n".join(rows)])


def _repacked(results: dict[str, Any]) -> str:
    rows = ["| JPEG quality | optimized JPEG, bytes | repacked, bytes | less |", "| --- | --- | --- | --- |"]
    for point in results["points"]:
        before, after = point["bytes"]["optimized"], point["bytes"]["optimized, repacked"]
        rows.append(f"| {point['quality']} | {before} | {after} | {100 * (1 - after / before):.1f} % |")
    return "\n".join(rows) + f"\n\n{results['data']['pictures']} pictures; {results['method']}."


def _points(points: list[dict[str, Any]]) -> list[tuple[float, float]]:
    return [(point["bpp"], point["psnr_rgb"]) for point in points]


def _results(name: str) -> dict[str, Any]:
    path = ZOO / name / "results.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else {}


def _summary(name: str) -> str:
    return re.search(r'^summary = "(.*)"$', (ZOO / name / "codec.toml").read_text("utf-8"), re.MULTILINE)[1]


def _use(name: str) -> str:
    source, back = ("log.csv", "back.csv") if "sets" in _results(name) else ("photo.png", "back.png")
    if "bytes" in _results(name).get("points", [{}])[0]:
        return "tinify repack photo.jpg\ntinify decompress photo.tnf back.jpg"
    return f"tinify compress {source} --codec {name}\ntinify decompress {Path(source).stem}.tnf {back}"


def _relinked(text: str) -> str:
    """Links of a card lead to files beside it, which are further down on the page, or to pages."""
    places = {file: "#" + title.lower().replace(" ", "-") for file, title in FILES} | {"results.json": "#measured"}
    text = re.sub(r"\]\(([\w.]+)\)", lambda match: f"]({places.get(match[1], match[1])})", text)
    return re.sub(r"\]\(\.\./([\w-]+)/README\.md\)", r"](\1.md)", text).replace("](../../docs/", "](../")
