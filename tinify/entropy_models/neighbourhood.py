# SPDX-License-Identifier: Apache-2.0
"""Integers given how large their neighbours in time and frequency are."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, WeightsError

TOTAL = 1 << 16
UNIT = 64  # weights of neighbours are multiples of 1/64
PREDICTION_BITS = 10
SITES_USED = 16  # sites of the step before that the prediction reads
NEIGHBOURS = 9
# Upper ends of the bins of the weighted magnitude, in 1/64: fine near nothing, a quarter of an octave far up.
EDGES = np.unique(np.concatenate([[0, 2, 4, 8, 12, 16, 22], np.round(28 * 2 ** (np.arange(54) / 4))])).astype(np.int64)
SHARED_FROM = 24  # from this bin on all classes share their rows: large numbers look alike at every frequency

_BIN_OF = np.searchsorted(EDGES, np.arange(int(EDGES[-1]) + 2), side="left").astype(np.int32)
_CAP = 1 << 15  # magnitudes are cut here: weighted sums stay below 2^31
_LIMIT = 1 << 30


class NeighbourhoodPrior(nn.Module):
    """Probabilities of integers q (steps, sites, lanes): a site is a frequency, a step a block, a lane a series.

        neighbours decoded already -> weighted sum of magnitudes -> bin -> row -> integer table -> coder
        the step before            -> prediction of the lowest sites; the coder sees r = q - prediction

    Neighbours: r at four sites below in this step, q at four around the site in the step before, q two steps before.
    All lanes of a group of sites are coded at once and groups grow with frequency: about 4 log2(sites) pulls a step.
    All of it is integers: `weights` (classes, 9), `prediction` (sites, 16), `halves` (rows,): how far a row reaches to
    either side of 0, `frequencies`: counts less one of 0 ... half, row after row (tables are symmetric).

    Source: contexts of weighted magnitudes after Wu 1997, "High-order context modeling and embedded conditional entropy
    coding of wavelet coefficients" (ECECOW). Differs in that weights are fitted by likelihood and all is static.
    """

    weights: Tensor
    prediction: Tensor
    frequencies: Tensor
    halves: Tensor

    def __init__(self, sites: int):
        super().__init__()
        if not 1 <= sites <= 4096:
            raise ConfigError(f"{sites} sites; allowed: 1 to 4096")
        self.sites = int(sites)
        self.groups = _groups(self.sites)
        self.site_class = _classes(self.sites)
        self.classes = int(self.site_class.max()) + 1
        self.bins = len(EDGES) + 1
        self.rows = self.classes * SHARED_FROM + self.bins - SHARED_FROM
        self.register_buffer("weights", torch.full((self.classes, NEIGHBOURS), 9, dtype=torch.int32))
        self.register_buffer("prediction", torch.zeros(self.sites, SITES_USED, dtype=torch.int32))
        self.register_buffer("halves", torch.zeros(self.rows, dtype=torch.int32))
        self.register_buffer("frequencies", torch.full((self.rows,), TOTAL - 2, dtype=torch.int32))

    def predict(self, before: np.ndarray) -> np.ndarray:
        """Prediction, int32, of each step from the one before it; both (..., sites, lanes)."""
        out = np.zeros_like(before)
        matrix = self.prediction.numpy().astype(np.int64)
        used = min(SITES_USED, self.sites)
        for site in np.flatnonzero(matrix[:, :used].any(axis=1)):
            total = sum(int(w) * before[..., j, :].astype(np.int64) for j, w in enumerate(matrix[site, :used]) if w)
            total = (total + (1 << (PREDICTION_BITS - 1))) >> PREDICTION_BITS
            out[..., site, :] = np.clip(total, -_LIMIT, _LIMIT)
        return out

    def from_time(self, before: np.ndarray, earlier: np.ndarray) -> np.ndarray:
        """What the step before and the one before that add to the weighted sums; all int32 (..., sites, lanes)."""
        weights = self.weights.numpy()[self.site_class][:, :, None]
        near = _magnitude(before)
        out = weights[:, 4] * near
        out += weights[:, 8] * _magnitude(earlier)
        out[..., 1:, :] += weights[1:, 5] * near[..., :-1, :]
        out[..., :-1, :] += weights[:-1, 6] * near[..., 1:, :]
        out[..., 2:, :] += weights[2:, 7] * near[..., :-2, :]
        return out

    def rows_of(self, group: slice, time: np.ndarray, r: np.ndarray) -> np.ndarray:
        """Table numbers, int32 (..., group, lanes). `time`: see `from_time`; r (..., sites, lanes), known below it."""
        site_class = int(self.site_class[group.start])
        total = time[..., group, :]
        for i, weight in enumerate(self.weights.numpy()[site_class, :4]):
            if group.start > i and weight:
                total = total + weight * _magnitude(r[..., group.start - 1 - i, None, :])
        bins = _BIN_OF[np.minimum(total, len(_BIN_OF) - 1)]
        low = bins + np.int32(site_class * SHARED_FROM)
        return np.where(bins < SHARED_FROM, low, bins + np.int32((self.classes - 1) * SHARED_FROM))

    def all_rows(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`(r, rows)` of whole q (steps, sites, lanes), as the decoder will find them step by step."""
        before, earlier = np.zeros_like(q), np.zeros_like(q)
        before[1:], earlier[2:] = q[:-1], q[:-2]
        r = q - self.predict(before)
        time, rows = self.from_time(before, earlier), np.empty_like(q)
        for group in self.groups:
            rows[:, group] = self.rows_of(group, time, r)
        return r, rows

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` for a coder: int32 (rows, width), (rows,), (rows,)."""
        halves = self.halves.numpy().astype(np.int64)
        if len(self.frequencies) != (halves + 1).sum():
            raise WeightsError(f"{len(self.frequencies)} frequencies do not fit rows of {int((halves + 1).sum())}")
        cdfs = np.zeros((self.rows, 2 * int(halves.max()) + 3), np.int32)
        one_sided = np.split(self.frequencies.numpy().astype(np.int64) + 1, np.cumsum(halves + 1)[:-1])
        for cdf, counts in zip(cdfs, one_sided, strict=True):
            both = np.cumsum(np.concatenate([counts[:0:-1], counts]))
            cdf[1 : len(both) + 1], cdf[len(both) + 1] = both, TOTAL
        return cdfs, (2 * halves + 3).astype(np.int32), (-halves).astype(np.int32)

    def bits(self) -> tuple[np.ndarray, np.ndarray]:
        """`(bits, halves)`: bits (rows, width) float32 of 0 ... half, then of an escape without its digits."""
        halves = self.halves.numpy().astype(np.int64)
        cdfs = self.tables()[0].astype(np.int64)
        out = np.zeros((self.rows, int(halves.max()) + 2), np.float32)
        for row, half in enumerate(halves):
            counts = np.diff(cdfs[row, half : 2 * half + 3])
            out[row, : half + 2] = 16 - np.log2(counts)
            out[row, half + 2 :] = out[row, half + 1]
        return out, halves.astype(np.int32)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs):
        stored = state_dict.get(prefix + "frequencies")
        if stored is not None and stored.shape != self.frequencies.shape:
            self.frequencies = torch.empty_like(stored)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _magnitude(q: np.ndarray) -> np.ndarray:
    return np.minimum(np.abs(q), np.int32(_CAP))


def _groups(sites: int) -> tuple[slice, ...]:
    starts = [0]
    while starts[-1] < sites:
        starts.append(starts[-1] + max(1, starts[-1] // 4))
    starts[-1] = sites
    return tuple(itertools.starmap(slice, itertools.pairwise(starts)))


def _classes(sites: int) -> np.ndarray:
    # Sites of one group share a class; there are two classes an octave.
    classes = np.zeros(sites, np.int64)
    for group in _groups(sites):
        classes[group] = group.start if group.start < 4 else int(2 * np.log2(group.start))
    return classes
