# SPDX-License-Identifier: Apache-2.0
"""Curves that others published, by name or by the file that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path

from tinify.errors import InputError
from tinify.evaluation.curves import Curve, anchors_file, read_curves
from tinify.evaluation.report import Run


def find_published(words: Sequence[str]) -> list[Run]:
    """Runs of the curves that the words name, called "published NAME".

    A word that ends in .json is a file; others are names in these files, or in `anchors_file()` when there is none, and
    may be patterns ("mbt2018*mse*"). Files alone mean all their curves. InputError for what is not there.
    """
    files = [Path(word) for word in words if word.endswith(".json")]
    names = [word for word in words if not word.endswith(".json")]
    if not files and not anchors_file().is_file():
        raise InputError(
            f"published curves are not at {anchors_file()}: set TINIFY_ANCHORS to the folder of {anchors_file().name}, "
            'or give --published FILE.json, {"codecs": {NAME: {"points": [{"bpp": ..., "psnr_rgb": ...}]}}}'
        )
    known: dict[str, Curve] = {}
    for path in files or [anchors_file()]:
        known |= read_curves(path)
    chosen = [one for name in names for one in _matching(name, known)] if names else list(known)
    return [_run(known[name]) for name in dict.fromkeys(chosen)]


def _matching(name: str, known: dict[str, Curve]) -> list[str]:
    found = [name] if name in known else [one for one in known if fnmatch(one, name)]
    if not found:
        near = get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)[:8]
        raise InputError(f"no published curve {name!r}; near: {', '.join(near)}")
    return found


def _run(curve: Curve) -> Run:
    return Run(Curve(f"published {curve.name}", curve.points), about={"kind": "published", "modality": "image"})
