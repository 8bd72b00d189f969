# SPDX-License-Identifier: Apache-2.0
"""Fits the weights and tables of a `ScheduledLatentCodec` to latents: least squares, then sets that share the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from tinify.entropy_models.neighbourhood import BINS
from tinify.latent_codecs.scheduled import ScheduledLatentCodec, Step
from tinify.latent_codecs.sheets import Sheet, at
from tinify.training.table_sets import expected_sizes, share_out

Latents = Callable[[], Iterable[Sequence[np.ndarray]]]
"""Makes the arrays of integers (C, H, W) int32 of each latent of the training data, the same ones each time."""

_FEW = 500  # numbers of one lattice that the weights are fitted to
_SIZES = 24  # magnitudes that sets are told apart by


def fit(codec: ScheduledLatentCodec, latents: Latents, log: Callable[[dict], None], seed: int = 0) -> None:
    """Fits everything; about a minute for 200 latents of 3 x 384 x 384."""
    fit_weights(codec, latents, seed)
    parts, edges = _parts(codec, latents)
    codec.edges.fit(edges)
    chosen = share_out(_coarse(parts, codec.entropy_model.reach + 2), codec.entropy_model.sets, seed)
    log({"parts": len(parts), "sets": np.bincount(chosen, minlength=codec.entropy_model.sets).tolist()})
    _set_tables(codec, parts, chosen)


def fit_weights(codec: ScheduledLatentCodec, latents: Latents, seed: int = 0) -> None:
    """Weights of each group, from some numbers of each lattice."""
    model, random = codec.entropy_model, np.random.default_rng(seed)
    gathered: dict[int, list[np.ndarray]] = {}
    for arrays in latents():
        for sheet in codec.schedule.sheets([q.shape for q in arrays]):
            for part in sheet.parts:
                for step in codec.steps(sheet, part, at(arrays, part.where)):
                    rows = _around(sheet, step, random)
                    gathered.setdefault(step.group, []).append(rows)
    for group, rows in gathered.items():
        found = np.concatenate(rows).astype(np.float64)
        model.fit_weights(group, expected_sizes(found[:, :-1], found[:, -1]))


def _around(sheet: Sheet, step: Step, random: np.random.Generator) -> np.ndarray:
    """(few, taps + 1) uint8: what is around some numbers of a step, and their own sizes."""
    height, width = step.values.shape
    chosen = random.integers(0, height * width, min(_FEW, height * width))
    rows, columns = chosen // width * step.lattice.step, chosen % width * step.lattice.step
    home = sheet.place(step.part.plane, step.lattice.top, step.lattice.left) + rows * sheet.across + columns
    origin = sheet.place(step.part.plane)
    found = np.zeros((len(chosen), len(step.part.taps) + 1), np.uint8)
    for number, tap in enumerate(step.part.taps):
        if tap is not None:
            found[:, number] = sheet.sizes[home + (sheet.place(*tap) - origin)]
    found[:, -1] = np.minimum(np.abs(step.values.ravel()[chosen]), 255)
    return found


def _parts(codec: ScheduledLatentCodec, latents: Latents) -> tuple[list[tuple[np.ndarray, np.ndarray]], np.ndarray]:
    """`(cells, counts)` of each part of each latent, a cell being bin * (reach + 2) + magnitude; counts of edges."""
    parts, edges = [], np.zeros(codec.edges.frequencies.shape)
    width = codec.entropy_model.reach + 2
    for arrays in latents():
        shapes = [q.shape for q in arrays]
        for smooth in codec.schedule.smooth(shapes):
            edges += codec.edges.count(at(arrays, smooth.where), smooth.first_class)
        for sheet in codec.schedule.sheets(shapes):
            for part in sheet.parts:
                counts = np.zeros((BINS, width), np.int64)
                for step in codec.steps(sheet, part, at(arrays, part.where)):
                    step.count(counts)
                cells = np.flatnonzero(counts)
                parts.append((cells, counts.ravel()[cells]))
    return parts, edges


def _coarse(parts: list[tuple[np.ndarray, np.ndarray]], width: int) -> np.ndarray:
    """float32 (parts, BINS * sizes): the counts by bin and magnitude, the large ones together."""
    counts = np.zeros((len(parts), BINS * (_SIZES + 1)), np.float32)
    for number, (cells, times) in enumerate(parts):
        np.add.at(counts[number], cells // width * (_SIZES + 1) + np.minimum(cells % width, _SIZES), times)
    return counts


def _set_tables(codec: ScheduledLatentCodec, parts: list[tuple[np.ndarray, np.ndarray]], chosen: np.ndarray) -> None:
    model = codec.entropy_model
    counts, changes = np.zeros((model.sets, BINS * (model.reach + 2))), np.zeros((model.sets + 1, model.sets))
    for (cells, times), number in zip(parts, chosen, strict=True):
        counts[number, cells] += times
    # Parts of one latent follow each other; where the next latent begins, a change is as good as any.
    np.add.at(changes, (np.concatenate([[model.sets], chosen[:-1]]), chosen), 1)
    model.fit_tables(counts.reshape(model.frequencies.shape), changes)
