# SPDX-License-Identifier: Apache-2.0
"""The whole demo: both studies, the tables and the page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tinify.demo import samples
from tinify.demo.page import render
from tinify.demo.photo import PhotoStudy, study_photo
from tinify.demo.series import SeriesStudy, study_series
from tinify.demo.trial import Codec

PAGE = "index.html"


def run_demo(
    codec: Codec, folder: Path, say: Callable[[str], None] = lambda step: None
) -> tuple[PhotoStudy, SeriesStudy, Path]:
    """Writes index.html and the two `.tnf` files into `folder` (made where missing), replacing those of an earlier run.

    `codec` has `compress` and `decompress` as the module `tinify`; `say` is told each step before it begins.
    MissingExtraError before any work where a package of the extra is missing.
    """
    samples.require_extra()
    folder.mkdir(parents=True, exist_ok=True)
    say("photo: compress, restore, and the same size in AVIF, WebP and JPEG")
    photo = study_photo(codec, samples.photo(), folder)
    say("series: compress, restore, and the same error with quantize + pcodec")
    series = study_series(codec, samples.recording(), folder)
    say("page")
    page = folder / PAGE
    page.write_text(render(photo, series), encoding="utf-8")
    return photo, series, page
