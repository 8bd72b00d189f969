# SPDX-License-Identifier: Apache-2.0
"""Integers whose tables are chosen by the sizes of the integers around them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models.tables import PRECISION, SLOT, shares_of
from tinify.errors import ConfigError, WeightsError

BINS = 48
UNIT = 128
"""Weights are in 1 / UNIT, so that a sum is about UNIT times the size that is to be expected."""
MOST_WEIGHT = 257
"""Of all taps of one place: sizes are 0 to 255, and sums stay below 2^16."""
_TOTAL = 1 << PRECISION
_SUMS = 1 << 16
_PLAIN, _QUARTERS = 8, 4  # sums below have a bin each; then so many bins an octave


def bin_of_sums() -> np.ndarray:
    """uint8 (65536,): the bin of a sum, even for the smallest, then four an octave; the last one is open."""
    sums = np.arange(_SUMS)
    octave = np.zeros(_SUMS, np.int64)
    for power in range(4, 16):
        octave += sums >= 1 << power
    quarter = (sums >> (octave + 1)) - _QUARTERS  # 0 to 3 of the octave that begins at 8 << octave
    bins = np.where(sums < _PLAIN, sums, _PLAIN + _QUARTERS * octave + quarter)
    return np.minimum(bins, BINS - 1).astype(np.uint8)


class Neighbourhood(nn.Module):
    """Tables of signed integers q by the magnitudes around them, which the decoder has already.

        |q| around ──► sum of weights[group] * |q| ──► bin ──► row = set * BINS + bin ──► table of q

    `weights` (groups, taps) uint8, in 1/128: what each neighbour says of the size to be expected; a schedule says
    which neighbours the taps are, and which group a number belongs to. `frequencies` (sets, BINS, reach + 2) int32 are
    those of the magnitudes 0 ... reach and of all beyond (escaped), of 65536; signs are even. Whoever codes says for
    each part of a latent which of the `sets` it uses: `changes` (sets + 1, sets) int32 are the frequencies of a set
    after each, and first. Integers throughout, so every machine has the same tables.

    Source: the magnitude contexts of Taubman 2000 (EBCOT), as a weighted sum; Wu, Memon 1997 (quantized activity).
    """

    weights: Tensor
    frequencies: Tensor
    changes: Tensor

    def __init__(self, groups: int, taps: int, sets: int = 8, reach: int = 255):
        super().__init__()
        if not (1 <= groups <= 4096 and 1 <= taps <= 256 and 1 <= sets <= 64 and 1 <= reach <= 1023):
            raise ConfigError(
                f"{groups} groups, {taps} taps, {sets} sets, reach {reach}; allowed: 1 to 4096, 256, 64 and 1023"
            )
        self.groups, self.taps, self.sets, self.reach = int(groups), int(taps), int(sets), int(reach)
        self.bins = bin_of_sums()
        self.register_buffer("weights", torch.zeros(self.groups, self.taps, dtype=torch.uint8))
        self.register_buffer("frequencies", torch.zeros(self.sets, BINS, self.reach + 2, dtype=torch.int32))
        self.register_buffer("changes", torch.zeros(self.sets + 1, self.sets, dtype=torch.int32))
        self.fit_tables(np.zeros(self.frequencies.shape), np.zeros(self.changes.shape))

    @property
    def first_change(self) -> int:
        """The row that codes a set after set 0; that of the first set is `sets` rows further on."""
        return self.sets * BINS

    def weights_of(self, group: int) -> np.ndarray:
        """uint16 (taps,) of a group. WeightsError where they add up to more than a sum holds."""
        weights = self.weights[group].cpu().numpy().astype(np.uint16)
        if int(weights.sum()) > MOST_WEIGHT:
            raise WeightsError(f"weights of group {group} are {int(weights.sum())} together; allowed: {MOST_WEIGHT}")
        return weights

    def fit_weights(self, group: int, weights: np.ndarray) -> None:
        """Takes the weights (taps,) >= 0 of a group, such that their sum over sizes is the size to be expected."""
        scale = min(UNIT, MOST_WEIGHT / max(weights.sum(), 1e-9))
        whole = np.floor(np.clip(weights, 0, None) * scale + 0.5)
        while whole.sum() > MOST_WEIGHT:
            whole[whole.argmax()] -= 1
        self.weights[group] = torch.from_numpy(np.minimum(whole, 255).astype(np.uint8))

    def fit_tables(self, counts: np.ndarray, changes: np.ndarray) -> None:
        """Takes tables from counts (sets, BINS, reach + 2) of magnitudes and (sets + 1, sets) of sets.

        Counts of large magnitudes are shared with those near them; a little of the bins beside and of a falling curve
        is mixed in: nothing is impossible."""
        size = np.arange(self.reach + 2)
        counts = _smoothed(counts)
        beside = counts.copy()
        beside[:, 1:] += counts[:, :-1]
        beside[:, :-1] += counts[:, 1:]
        expected = np.concatenate([np.arange(_PLAIN), _PLAIN * 2.0 ** (np.arange(BINS - _PLAIN) / _QUARTERS)]) / UNIT
        falling = np.exp(-size / (expected[:, None] + 0.3))
        falling[:, -1] += 1e-3
        falling /= falling.sum(1, keepdims=True)
        share = beside / np.maximum(beside.sum(-1, keepdims=True), 1)
        mixed = counts + 2 * share + 0.5 * falling
        self.frequencies.copy_(torch.from_numpy(_sizes_of(mixed)))
        pooled = changes.sum(0) + 1.0
        self.changes.copy_(torch.from_numpy(shares_of(changes + 2 * pooled / pooled.sum(), _TOTAL - SLOT)))

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` for a coder: int32 (rows, width), (rows,), (rows,)."""
        sizes, changes = self._checked()
        halves = np.maximum((sizes[:, :-1] > 0) * np.arange(self.reach + 1), 0).max(1)  # largest size with a bin
        signed = np.concatenate([sizes[:, -2:0:-1] // 2, sizes[:, :1], sizes[:, 1:-1] // 2], 1)
        rows, width = len(sizes) + len(changes), 2 * self.reach + 3
        cdfs = np.full((rows, width), _TOTAL, np.int32)
        column = np.arange(2 * self.reach + 1)
        for row, half in enumerate(halves):
            kept = signed[row, np.abs(column - self.reach) <= half]
            cdfs[row, 0], cdfs[row, 1 : len(kept) + 1] = 0, np.cumsum(kept)
        cdfs[len(sizes) :, 0] = 0
        cdfs[len(sizes) :, 1 : self.sets + 1] = np.cumsum(changes, 1)
        lengths = np.concatenate([2 * halves + 3, np.full(len(changes), self.sets + 2)])
        offsets = np.concatenate([-halves, np.zeros(len(changes))])
        return cdfs, lengths.astype(np.int32), offsets.astype(np.int32)

    def bits(self) -> np.ndarray:
        """Bits float32 (sets, BINS, reach + 2) of each magnitude with its sign, and of an escape with what follows."""
        shares = np.maximum(self.frequencies.cpu().numpy(), 0.5) / _TOTAL
        bits = -np.log2(shares)
        bits[..., 1:-1] += 1
        bits[..., -1] += 12
        # A size without a bin of its own is an escape, too.
        return np.where(self.frequencies.cpu().numpy() > 0, bits, bits[..., -1:]).astype(np.float32)

    def change_bits(self) -> np.ndarray:
        """Bits float32 (sets + 1, sets) of a set after each, and first."""
        return (PRECISION - np.log2(self.changes.cpu().numpy())).astype(np.float32)

    def _checked(self) -> tuple[np.ndarray, np.ndarray]:
        sizes = self.frequencies.cpu().numpy().reshape(-1, self.reach + 2).astype(np.int64)
        changes = self.changes.cpu().numpy().astype(np.int64)
        sound = (sizes >= 0).all() and (sizes[:, [0, -1]] > 0).all() and (sizes[:, 1:-1] % 2 == 0).all()
        gaps = (np.diff((sizes[:, 1:-1] > 0).astype(np.int8), axis=1) > 0).any()
        if not sound or gaps or (sizes.sum(1) != _TOTAL).any():
            raise WeightsError("frequencies of magnitudes are no shares of 65536 without gaps")
        if (changes < 1).any() or (changes.sum(1) >= _TOTAL).any():
            raise WeightsError("frequencies of sets are no shares of 65536")
        return sizes, changes


def _smoothed(counts: np.ndarray) -> np.ndarray:
    """Counts (..., reach + 2), those of each magnitude m from 12 on as their mean over m - m / 6 to m + m / 6."""
    size = np.arange(counts.shape[-1] - 1)
    reach = np.where(size < 12, 0, np.minimum(size // 6, len(size) - 1 - size))
    below = np.concatenate([np.zeros_like(counts[..., :1]), np.cumsum(counts[..., :-1], -1)], -1)
    means = (below[..., size + reach + 1] - below[..., size - reach]) / (2 * reach + 1)
    return np.concatenate([means, counts[..., -1:]], -1)


def _sizes_of(weights: np.ndarray) -> np.ndarray:
    """int32 frequencies of magnitudes and of an escape, 65536 in all; even ones of 1, 2 ..., as their signs are.

    The first magnitude too rare for a slot of the coder with either sign, and all beyond, have none: they escape."""
    shares = weights / weights.sum(-1, keepdims=True)
    rare = np.cumsum(shares[..., 1:-1] < 2 * SLOT / _TOTAL, axis=-1) > 0
    shares[..., -1] += (shares[..., 1:-1] * rare).sum(-1)
    shares[..., 1:-1][rare] = 0
    counts = 2 * np.floor(shares * (_TOTAL // 2))
    counts[..., -1] = np.maximum(counts[..., -1], SLOT)
    # No count is above what its share asks for but the escape's, and the zero is never rare enough to pay for that.
    counts[..., 0] += _TOTAL - counts.sum(-1)
    return counts.astype(np.int32)
