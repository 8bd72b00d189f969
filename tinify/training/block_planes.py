# SPDX-License-Identifier: Apache-2.0
"""Fits what `BlockPlanes` expects, and its tables, to coefficients: least squares, then sets that share out planes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tinify.entropy_models.block_contexts import FINE, SIGNS, TOKENS, BlockContexts, tokens_of
from tinify.entropy_models.neighbourhood import BINS
from tinify.latent_codecs.block_planes import BlockPlanes, Planes
from tinify.latent_codecs.block_schedule import NOBODY, PLANES, beside, near
from tinify.latent_codecs.block_walk import BlockWalk, Step
from tinify.training.table_sets import expected_sizes, share_out

Latents = Callable[[], Iterable[tuple[Planes, Planes]]]
"""Makes the coefficients and steps of the training data, the same ones each time."""

_RIDGE = 1e-3
_WIDTH = TOKENS + 1


def fit(codec: BlockPlanes, latents: Latents, log: Callable[[dict], None], few: int = 24, seed: int = 0) -> None:
    """Fits everything, to `few` coefficients of each plane and phase of each latent, and the tables to all of them."""
    _fit_values(codec.contexts, latents, few, seed)
    _fit_sizes(codec.contexts, latents, few, seed)
    parts, signs, edges = _counts(codec, latents)
    codec.edges.fit(edges)
    chosen = share_out(_dense([part for part in parts if part is not None]), codec.contexts.sets, seed)
    log({"parts": len(chosen), "sets": np.bincount(chosen, minlength=codec.contexts.sets).tolist()})
    _set_tables(codec.contexts, parts, chosen, signs)


def _sampled(contexts: BlockContexts, latents: Latents, few: int, seed: int) -> Iterator[tuple]:
    """(walk, step, places, own values) of some coefficients of every step; places are those in the step's sheet."""
    random = np.random.default_rng(seed)
    for planes, steps in latents():
        walk = BlockWalk(contexts, planes, steps)
        for component in range(len(planes)):
            for plane in range(1, PLANES):
                for step in walk.steps(component, plane):
                    values = walk.values(step)
                    chosen = random.integers(0, values.size, min(few, values.size))
                    sheet = walk.sheets[component]
                    home = sheet.first(plane, step.lattice)
                    yield walk, step, home + chosen // values.shape[1] * sheet.across + chosen % values.shape[1], \
                        values.ravel()[chosen]  # fmt: skip


def _around(walk: BlockWalk, step: Step, places: np.ndarray, taps) -> np.ndarray:
    """int16 (places, taps): the neighbours, zero where there is none."""
    sheet = walk.sheets[step.component]
    offsets = sheet.places(taps, step.lattice) - sheet.first(step.plane, step.lattice)
    there = taps[:, 0] != NOBODY
    found = np.zeros((len(places), len(taps)), np.int16)
    found[:, there] = sheet.values[places[:, None] + offsets[there]]
    return found


def _fit_values(contexts: BlockContexts, latents: Latents, few: int, seed: int) -> None:
    """Weights of neighbours' values, by least squares in units of the step."""
    rows: dict[int, list[tuple]] = {}
    for walk, step, places, values in _sampled(contexts, latents, few, seed):
        size = int(walk.steps_of[step.component][step.plane])
        found = _around(walk, step, places, beside(step.component, step.plane))
        rows.setdefault(step.group, []).append((found, values, size))
    for group, some in rows.items():
        around = np.concatenate([found / size for found, _, size in some])
        values = np.concatenate([values for _, values, _ in some])
        gram = around.T @ around
        gram += (_RIDGE * gram.trace() / len(gram) + 1e-9) * np.eye(len(gram))
        contexts.fit_values(group, np.linalg.solve(gram, around.T @ values))


def _fit_sizes(contexts: BlockContexts, latents: Latents, few: int, seed: int) -> None:
    """Weights of neighbours' sizes and of the expected size, by non-negative least squares, each error counting by what
    is to be expected there."""
    rows: dict[int, list[tuple]] = {}
    for walk, step, places, values in _sampled(contexts, latents, few, seed):
        size = int(walk.steps_of[step.component][step.plane])
        weights = walk.weights[2][step.group]
        expected = _around(walk, step, places, beside(step.component, step.plane)) @ weights / FINE
        found = np.abs(_around(walk, step, places, near(step.component, step.plane)))
        found = np.concatenate([found, np.abs(expected)[:, None]], 1).astype(np.float32) / size
        rows.setdefault(step.group, []).append((found.astype(np.float16), np.abs(values)))
    for group, some in rows.items():
        around = np.concatenate([found for found, _ in some]).astype(np.float64)
        weights = expected_sizes(around, np.concatenate([sizes for _, sizes in some]).astype(np.float64))
        contexts.fit_sizes(group, weights[:-1], weights[-1])


def _counts(codec: BlockPlanes, latents: Latents) -> tuple[list, np.ndarray, np.ndarray]:
    """(of each plane `(cells, counts)`, a cell being bin * width + token, and None after each latent; of signs; of
    smooth planes)."""
    parts, signs, edges = [], np.zeros((BINS, SIGNS, 2)), np.zeros(codec.edges.frequencies.shape)
    for planes, steps in latents():
        for component, q in enumerate(planes):
            edges += codec.edges.count(q[:1], min(component, codec.edges.classes - 1))
        counts: dict[tuple[int, int], np.ndarray] = {}
        for step, values in codec.look(planes, steps):
            token = np.minimum(tokens_of(np.abs(values))[0], TOKENS)
            found = np.bincount(step.sizes.ravel() * np.int64(_WIDTH) + token.ravel(), minlength=BINS * _WIDTH)
            part = step.component, step.plane
            counts[part] = counts.get(part, 0) + found
            some = values != 0
            expected, own = step.values[some], values[some]
            bins = np.where(expected < 0, ~expected, expected)
            agree = ((own < 0) == (expected < 0)).astype(int)
            np.add.at(signs, (bins, np.minimum(np.abs(own), SIGNS) - 1, agree), 1)
        last = [int(np.flatnonzero(q.any((1, 2))).max(initial=0)) for q in planes]
        parts += [
            (np.flatnonzero(each), each[each > 0]) for (c, plane), each in counts.items() if plane <= last[c]
        ]  # fmt: skip
        parts.append(None)
    return parts, signs, edges


def _dense(parts: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """float32 (parts, BINS * width)."""
    counts = np.zeros((len(parts), BINS * _WIDTH), np.float32)
    for number, (cells, times) in enumerate(parts):
        counts[number, cells] = times
    return counts


def _set_tables(contexts: BlockContexts, parts: list, chosen: np.ndarray, signs: np.ndarray) -> None:
    counts = np.zeros((contexts.sets, BINS * _WIDTH))
    changes = np.zeros((contexts.sets + 1, contexts.sets))
    before, numbers = contexts.sets, iter(chosen.tolist())
    for part in parts:
        if part is None:
            before = contexts.sets
            continue
        number = next(numbers)
        counts[number, part[0]] += part[1]
        changes[before, number] += 1
        before = number
    contexts.fit_tables(counts.reshape(contexts.frequencies.shape), signs, changes)
