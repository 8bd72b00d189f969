# SPDX-License-Identifier: Apache-2.0
"""Series within an error bound, or without any loss, whatever the codec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinify.container import CRITICAL, GAPS, PAYLOAD, Body, Section
from tinify.models.series import verbatim
from tinify.models.series.base_choice import Way, choose_ways
from tinify.models.series.bound_base import read_base
from tinify.models.series.error_bound import Limits
from tinify.models.series.escapes import pack_escapes, restore_escapes
from tinify.models.series.gaps import pack_gaps, restore_gaps, unpack_gaps
from tinify.models.series.grid_choice import grid_of
from tinify.models.series.grid_coding import GridCoding
from tinify.models.series.grids import BASE, VERBATIM, pack_grids, unpack_grids
from tinify.models.series.on_grids import Series, on_grids, samples_of

if TYPE_CHECKING:
    from tinify.models.series.files import SeriesFiles

KEPT, GRIDS, ESCAPES, BASE_FILE = (number | CRITICAL for number in (18, 19, 20, 21))


def pack_bounded(codec: SeriesFiles, samples: np.ndarray, limits: Limits, quality: float | None) -> Body:
    """(T, C) samples, T and C above 0. Every finite one comes back within the limits; where they are 0, every bit.

    x ──► grid of each channel ──► k ────────────┐ what costs
    └──► the codec, coarsely ──► x - y_hat ──► k ┴─ less ──► GridMixing ──► payload
    """
    samples = samples.view(np.uint8) if samples.dtype.kind == "b" else samples
    series = Series.of(samples, limits)
    grids = [grid_of(series.numbers(c), float(limits.eps[c]), limits.text) for c in range(samples.shape[1])]
    kept = np.array([grid.kind == VERBATIM for grid in grids], bool)
    series.codes[:, kept] = 0
    shared = [Section(GAPS | CRITICAL, pack_gaps(series.codes))] if series.codes.any() else []
    if kept.any():
        shared.append(Section(KEPT, verbatim.deflate(samples[:, kept])))
    tried = (_sections(series, way) for way in choose_ways(codec, series, grids, quality))
    return Body(b"", (*min(tried, key=_size), *shared))


def _sections(series: Series, way: Way) -> list[Section]:
    found = on_grids(series, way.grids, way.base.y_hat if way.base else None)
    sections = [Section(GRIDS, pack_grids(way.grids, series.samples.dtype))]
    if way.base is not None:
        sections.append(Section(BASE_FILE, way.base.data))
    if found.missed.any():
        sections.append(Section(ESCAPES, pack_escapes(series.samples, found.missed)))
    if found.k.size:
        sections.append(Section(PAYLOAD, way.coding.encode(found.k, way.grids)))
    return sections


def _size(sections: list[Section]) -> int:
    return sum(len(section.data) for section in sections)


def is_bounded(body: Body) -> bool:
    """Whether `pack_bounded` made the body."""
    return body.find(GRIDS) is not None


def unpack_bounded(codec: SeriesFiles, body: Body, rows: int, channels: int, dtype: np.dtype) -> np.ndarray:
    """Undoes `pack_bounded`: (rows, channels). FormatError, DesyncError."""
    if dtype.kind == "b":
        return unpack_bounded(codec, body, rows, channels, np.dtype(np.uint8)) != 0
    grids = unpack_grids(body.require(GRIDS), channels, dtype)
    k = np.zeros((rows, sum(grid.has_k for grid in grids)), np.int64)
    if k.size:
        k = GridCoding.of(codec, channels).decode(body.require(PAYLOAD), rows, grids)
    based, kept = (np.array([grid.kind == kind for grid in grids], bool) for kind in (BASE, VERBATIM))
    y_hat = read_base(codec, body.require(BASE_FILE), rows, based) if based.any() else None
    samples = samples_of(grids, k, rows, dtype, y_hat)
    gaps, escapes = body.find(GAPS), body.find(ESCAPES)
    if gaps is not None:
        restore_gaps(samples, unpack_gaps(gaps, (rows, channels)))
    if escapes is not None:
        restore_escapes(samples, escapes)
    if kept.any():
        samples[:, kept] = verbatim.inflate(body.require(KEPT), (rows, int(kept.sum())), dtype)
    return samples
