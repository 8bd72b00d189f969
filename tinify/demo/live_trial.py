# SPDX-License-Identifier: Apache-2.0
"""A file at one quality, as the page shows it: sizes, distortion, what came back, where the bits went."""

from __future__ import annotations

import io
import math
import threading
import time
from base64 import b64encode
from dataclasses import asdict
from typing import Any

import numpy as np

from tinify.demo.places import BLOCK, places_of
from tinify.demo.shelf import Given
from tinify.errors import ConfigError, TinifyError
from tinify.evaluation.charts import Axis, Line, axis_around, chart

_DRAWN, _CLOSE = 1500, 240  # points of a curve
_one_at_a_time = threading.Lock()  # two trials at once would only make both late


def codecs_for(modality: str) -> list[dict[str, Any]]:
    """Those of the zoo that can be used at once: name, summary, quality by default; the usual one first."""
    from tinify import api, registry, zoo

    found = []
    for entry in zoo.list_entries():
        try:
            architecture = registry.get("codec", entry.codec.get("name", ""))
        except TinifyError:
            continue
        here = entry.weights is None or entry.weights.local
        if here and getattr(architecture, "modality", "") == modality:
            quality = float(getattr(architecture, "default_quality", 50.0))
            found.append({"name": entry.name, "summary": entry.summary, "quality": quality})
    return sorted(found, key=lambda codec: (codec["name"] != api.DEFAULT_CODECS.get(modality), codec["name"]))


def described(key: str, given: Given) -> dict[str, Any]:
    """What the page is told of a file that it gave."""
    modality, samples = given.signal.modality, given.signal.samples
    found = {"key": key, "name": given.name, "kind": modality, "bytes": given.size, "raw_bytes": samples.nbytes,
             "shape": list(samples.shape), "dtype": samples.dtype.name, "notes": list(given.notes),
             "names": list(given.names), "codecs": codecs_for(modality)}  # fmt: skip
    return found | ({"original": png(samples)} if modality == "image" else {})


def tried(given: Given, codec: object, quality: object, channel: object = 0) -> dict[str, Any]:
    """Compresses and restores. ConfigError for what is no codec of the page, quality in [0, 100] or channel."""
    from tinify import api

    modality, count = given.signal.modality, given.signal.samples.shape[-1]
    names = [known["name"] for known in codecs_for(modality)]
    if codec not in names:
        raise ConfigError(f"codec is {codec!r}; allowed: {', '.join(names)}")
    if not isinstance(quality, int | float) or isinstance(quality, bool) or not 0 <= quality <= 100:  # nor NaN
        raise ConfigError(f"quality is {quality!r}; allowed: 0 to 100")
    if not isinstance(channel, int) or not 0 <= channel < count:
        raise ConfigError(f"channel is {channel!r}; allowed: 0 to {count - 1}")
    with _one_at_a_time:
        chosen = api.load(codec)  # type: ignore[arg-type]
        start = time.perf_counter()
        data = api.compress_signal(given.signal, chosen, quality)
        encoded = time.perf_counter()
        restored = api.decompress_signal(data, chosen).samples
        seconds = encoded - start, time.perf_counter() - encoded
        places = places_of(data, chosen, given, lambda part: api.compress(part, chosen, quality=quality))
    found: dict[str, Any] = {
        "bytes": len(data),
        "ratio": given.signal.samples.nbytes / len(data),
        "measures": _measures(given, restored, len(data)),
        "seconds": seconds,
        "shares": [asdict(share) for share in places.shares],
        "file": b64encode(data).decode(),
    }
    if modality == "image":
        heat = places.bits
        found["heat"] = None if heat is None else {"block": BLOCK, "bits": np.round(heat, 1).tolist()}
        return found | {"restored": png(restored)}
    return found | {"charts": _charts(given, restored, channel)}


def _measures(given: Given, restored: np.ndarray, size: int) -> list[list[str]]:
    from tinify.metrics.max_error import max_error
    from tinify.metrics.nrmse import nrmse
    from tinify.metrics.psnr import psnr

    samples = given.signal.samples
    if given.signal.modality == "image":
        rate, height, width = psnr(samples, restored), *samples.shape[:2]
        return [["bits per pixel", f"{8 * size / (height * width):.3f}"],
                ["PSNR", "lossless" if math.isinf(rate) else f"{rate:.2f} dB"]]  # fmt: skip
    return [["bits per number", f"{8 * size / samples.size:.2f}"], ["NRMSE", f"{nrmse(samples, restored):.4f}"],
            ["largest error", f"{max_error(samples, restored):.4g}"]]  # fmt: skip


def png(samples: np.ndarray) -> str:
    """A picture (H, W, 1 to 4) as a data address."""
    from PIL import Image

    buffer = io.BytesIO()
    picture = samples[:, :, 0] if samples.shape[2] == 1 else samples
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG", compress_level=1)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"


def _charts(given: Given, restored: np.ndarray, channel: int) -> list[dict[str, str]]:
    """The whole of a channel, and a closer look where it moves most."""
    original, back = (x[:, channel].astype(np.float64) for x in (given.signal.samples, restored))
    rows = len(original)
    found = [_chart(original, back, 0, rows)]
    if rows > 2 * _CLOSE:
        steps = np.nan_to_num(np.abs(np.diff(original)))
        busy = np.convolve(steps, np.ones(_CLOSE), "valid")
        start = int(busy.argmax())
        found.append(_chart(original, back, start, start + _CLOSE))
    return [{"title": title, "html": html} for title, html in found]


def _chart(original: np.ndarray, back: np.ndarray, start: int, stop: int) -> tuple[str, str]:
    every = -(-(stop - start) // _DRAWN)
    where = np.arange(start, stop, every)
    where = where[np.isfinite(original[where]) & np.isfinite(back[where])]
    title = f"Rows {start:,} to {stop - 1:,}" + (f", one of {every}" if every > 1 else "")
    if len(where) < 2:
        return title, "<p>There are not two numbers to draw a line between.</p>"
    lines = [Line("original", list(where), list(original[where]), "original"),
             Line("restored by tinify", list(where), list(back[where]), "tinify")]  # fmt: skip
    values = [float(value) for line in lines for value in line.y]
    x = Axis("row", float(where[0]), float(where[-1]))
    return title, chart(lines, x, axis_around("value", values), f"{title}, original and restored")
