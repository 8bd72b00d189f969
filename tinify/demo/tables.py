# SPDX-License-Identifier: Apache-2.0
"""The figures of both studies as rows: for the terminal and for the page."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tinify.demo.photo import PhotoStudy
from tinify.demo.series import SeriesStudy


@dataclass(frozen=True)
class Figures:
    """A table of text: the first column names, the others are figures; `first` is the row of tinify."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def photo_figures(study: PhotoStudy) -> Figures:
    height, width = study.photo.pixels.shape[:2]
    raw = study.photo.pixels.size
    shipped = len(study.photo.file)
    rows = [
        ("8-bit samples", f"{raw:,}", "1", "", "", "24", "", ""),
        ("PNG, as shipped", f"{shipped:,}", f"{raw / shipped:.1f}", "", "", f"{24 * shipped / raw:.2f}", "", ""),
    ]
    for trial in study.trials:
        similarity = study.ms_ssim(trial)
        rows.append((trial.label, f"{len(trial.data):,}", f"{trial.ratio(raw):.1f}", _decibels(study.psnr(trial)),
                     "" if similarity is None else f"{similarity:.4f}", f"{study.bits_per_pixel(trial):.3f}",
                     _milliseconds(trial.encode_s), _milliseconds(trial.decode_s)))  # fmt: skip
    columns = ("codec", "bytes", "ratio", "PSNR dB", "MS-SSIM", "bits per pixel", "encode ms", "decode ms")
    return Figures(f"Photo: {study.photo.name}, {width}x{height}", columns, tuple(rows))


def series_figures(study: SeriesStudy) -> Figures:
    samples = study.recording.samples
    bits = 8 * samples.itemsize
    rows = [(f"{samples.dtype} samples", f"{samples.nbytes:,}", "1", "", "", f"{bits}", "", "")]
    rows += [(trial.label, f"{len(trial.data):,}", f"{trial.ratio(samples.nbytes):.1f}",
              f"{study.nrmse(trial):.4f}", f"{study.max_error(trial):.3g}", f"{study.bits_per_sample(trial):.2f}",
              _milliseconds(trial.encode_s), _milliseconds(trial.decode_s)) for trial in study.trials]  # fmt: skip
    columns = ("codec", "bytes", "ratio", "NRMSE", "max error", "bits per sample", "encode ms", "decode ms")
    length, channels = samples.shape
    title = f"Series: {study.recording.name}, {length} samples of {channels} channel{'s' if channels > 1 else ''}"
    return Figures(title, columns, tuple(rows))


def print_figures(figures: Figures, console) -> None:
    """A rich table on a rich console; tinify's row stands out."""
    from rich.table import Table

    table = Table(title=figures.title, title_justify="left", title_style="bold", header_style="dim", pad_edge=False)
    table.box = None
    for number, column in enumerate(figures.columns):
        table.add_column(column, justify="right" if number else "left", vertical="bottom", no_wrap=not number)
    for row in figures.rows:
        table.add_row(*row, style="bold cyan" if row[0].startswith("tinify") else "")
    console.print(table)


def _decibels(value: float) -> str:
    return "lossless" if math.isinf(value) else f"{value:.2f}"


def _milliseconds(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
