# SPDX-License-Identifier: Apache-2.0
"""The cache, and every pretrained codec: the hash of its weights, and a small file that it has to decode.

known.json: codec -> weights (fingerprint), file (a .tnf, base64), samples (what it decodes to, deflated, base64).
`python -m tinify.doctor.codecs` writes it anew, after weights were trained; it is no matter of one machine, since what
selects a bit is an integer.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tinify.doctor.finding import REINSTALL, Finding, broken

ANSWERS = "known.json"
_ROOMY = 1 << 30  # bytes of free space below which fetching weights may fail


def check() -> Iterator[Finding]:
    from tinify import zoo

    yield _cache()
    answers = json.loads((files("tinify.doctor") / ANSWERS).read_text("utf-8"))
    for name in zoo.names():
        yield _checked(name, answers.get(name))


def _cache() -> Finding:
    from tinify.zoo.weights import CACHE, OFFLINE, cache_folder

    folder = cache_folder()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return broken("cache", f"{folder} cannot be written to", f"set {CACHE} to a folder of yours")
    held = [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
    free = shutil.disk_usage(there).free
    offline = f"; {OFFLINE} is set, so nothing is fetched" if os.environ.get(OFFLINE, "") not in ("", "0") else ""
    size = sum(path.stat().st_size for path in held)
    found = f"{folder}: {len(held)} files, {size / 1e6:.1f} MB; {free / 1e9:.1f} GB free{offline}"
    step = f"make room, or set {CACHE} to another folder" if free < _ROOMY else ""
    return Finding("cache", found, next_step=step)


def _checked(name: str, answer: dict[str, str] | None) -> Finding:
    from tinify import api, zoo
    from tinify.errors import TinifyError

    what = f"codec {name}"
    try:
        entry = zoo.find(name)
        if entry.weights and not entry.weights.local and entry.weights.url:
            return Finding(what, "its weights are not here yet", next_step="they are fetched when it is used")
        codec = api.load(name)
        found = "no weights" if entry.weights is None else "weights have their hash"
        if answer is None:
            return Finding(what, found)
        off = difference(api.decompress(b64decode(answer["file"]), codec), answer)
    except TinifyError as error:
        return broken(what, str(error), _step(name))
    if off:
        return broken(what, f"{found}, but a known file does not decode to its samples: {off}", _step(name))
    return Finding(what, f"{found}; a known file decodes to its samples")


def _step(name: str) -> str:
    from tinify import plugins

    cards = plugins.host().models.get(name, [])
    owners = [plugin for plugin in plugins.host().plugins for card in cards if plugin.name == card.plugin != "tinify"]
    return f"pip install --force-reinstall --no-deps {owners[0].distribution}" if owners else REINSTALL


def difference(samples: np.ndarray, answer: dict[str, str]) -> str:
    """How samples differ from the known ones; "" where they do not, or by what the last place of a float may turn
    into: one of 255, or a ten-thousandth of a series' range."""
    known = np.frombuffer(zlib.decompress(b64decode(answer["samples"])), answer["dtype"])
    if samples.dtype != known.dtype or samples.size != known.size:
        return f"{samples.shape} of {samples.dtype}"
    off = np.abs(samples.ravel().astype(np.float64) - known.astype(np.float64)).max()
    allowed = 1.0 if known.dtype.kind in "iu" else 1e-4 * float(np.ptp(known))
    return "" if off <= allowed else f"off by {off:g}"


def known_signal(modality: str) -> np.ndarray:
    """A picture (24, 24, 3) uint8 or a series (48, 2) int16, by arithmetic of integers alone."""
    if modality == "image":
        i, j = np.mgrid[:24, :24]
        return np.stack([(i * 9 + j * 2) % 256, i * j // 3, (200 + i - j) % 256], axis=2).astype(np.uint8)
    t = np.arange(48)
    return np.stack([t * t % 97, t * 5 % 31], axis=1).astype(np.int16)


def answer_of(codec: Any) -> dict[str, str]:
    """The entry of known.json for a codec as it is."""
    from tinify import api

    data = api.compress(known_signal(codec.modality), codec)
    samples = api.decompress(data, codec)
    packed = b64encode(zlib.compress(np.ascontiguousarray(samples).tobytes(), 9)).decode()
    return {"weights": codec.fingerprint().hex(), "file": b64encode(data).decode(), "dtype": samples.dtype.name,
            "samples": packed}  # fmt: skip


def write_answers() -> None:
    """Writes known.json anew for core's codecs."""
    from tinify import api, zoo

    names = [entry.name for entry in zoo.list_entries() if entry.plugin == "tinify"]
    answers = {name: answer_of(api.load(name)) for name in names}
    path = Path(str(files("tinify.doctor") / ANSWERS))
    path.write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_answers()
