# SPDX-License-Identifier: Apache-2.0
"""Coefficients of a block transform under tables that the coefficients around them choose."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models.neighbourhood import BINS, bin_of_sums
from tinify.entropy_models.tables import PRECISION, SLOT, shares_of
from tinify.errors import ConfigError, FormatError, WeightsError

PLAIN = 16  # sizes below have a token each; then four tokens an octave, and low bits
OCTAVES = 6
TOKENS = PLAIN + 4 * OCTAVES
LARGEST = PLAIN << OCTAVES  # from here on sizes are escaped
SIGNS = 4  # sizes that signs are told apart by
UNIT, FINE = 128, 1024
MOST_SIZES, MOST_VALUES = 1 << 15, 1 << 16
_LOW = OCTAVES + 1  # low bits at most
_MOST_SCALE = 8
_TOTAL = 1 << PRECISION


class BlockContexts(nn.Module):
    """Tables of integers q, whose sizes and signs are expected from what the decoder has already.

        sum of weights * |neighbours| ─┬──► / step ──► bin ──► row = set * BINS + bin ──► token of |q|, low bits
        e = sum of weights * neighbours┘ └► / step ──► bin, |q| ──────────────────────► whether q has the sign of e

    Neighbours are dequantized, so that weights fit every table of steps. `of_sizes` (groups, near) uint8 in 1/128,
    `of_expected` (groups,) uint8, what |e| counts beside them; `of_values` (groups, beside) int8 times 2^`scales`, in
    1/1024. `frequencies` (sets, BINS, TOKENS + 1) int32 of 65536: tokens of sizes 0 to 15, then four an octave, then
    those beyond. `signs` (BINS, SIGNS) int32: shares of q with the expected sign, by |e| and |q| from 1. `changes`
    (sets + 1, sets): of a set after each, and first. Integers throughout.

    Source: contexts of magnitudes: Taubman 2000; signs from neighbouring blocks: after Bakker 2016 (Lepton).
    """

    of_sizes: Tensor
    of_expected: Tensor
    of_values: Tensor
    scales: Tensor
    frequencies: Tensor
    signs: Tensor
    changes: Tensor

    def __init__(self, groups: int, near: int, beside: int, sets: int = 8):
        super().__init__()
        if not (1 <= groups <= 4096 and 1 <= near <= 256 and 1 <= beside <= 256 and 1 <= sets <= 64):
            raise ConfigError(
                f"{groups} groups, {near} and {beside} taps, {sets} sets; allowed: 1 to 4096, 256, 256, 64"
            )
        self.groups, self.near, self.beside, self.sets = int(groups), int(near), int(beside), int(sets)
        self.bins = bin_of_sums()
        self.register_buffer("of_sizes", torch.zeros(self.groups, self.near, dtype=torch.uint8))
        self.register_buffer("of_expected", torch.zeros(self.groups, dtype=torch.uint8))
        self.register_buffer("of_values", torch.zeros(self.groups, self.beside, dtype=torch.int8))
        self.register_buffer("scales", torch.zeros(self.groups, dtype=torch.uint8))
        self.register_buffer("frequencies", torch.zeros(self.sets, BINS, TOKENS + 1, dtype=torch.int32))
        self.register_buffer("signs", torch.full((BINS, SIGNS), _TOTAL // 2, dtype=torch.int32))
        self.register_buffer("changes", torch.zeros(self.sets + 1, self.sets, dtype=torch.int32))
        self.fit_tables(np.zeros(self.frequencies.shape), np.zeros((BINS, SIGNS, 2)), np.zeros(self.changes.shape))

    @property
    def first_sign(self) -> int:
        """The row of signs of bin 0 and size 1."""
        return self.sets * BINS

    @property
    def first_low(self) -> int:
        """The row before that of one even bit."""
        return self.first_sign + BINS * SIGNS - 1

    @property
    def first_change(self) -> int:
        """The row that codes a set after set 0; that of the first set is `sets` rows further on."""
        return self.first_low + _LOW + 1

    def weights(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """int32 (groups, near), of the expected size (groups,), (groups, beside). WeightsError beyond 31 bits."""
        sizes, expected, values, scales = (
            x.cpu().numpy().astype(np.int32) for x in (self.of_sizes, self.of_expected, self.of_values, self.scales)
        )
        values = values << np.minimum(scales, _MOST_SCALE)[:, None]
        beyond = (sizes.sum(1) > MOST_SIZES) | (np.abs(values).sum(1) >= MOST_VALUES)
        if (scales > _MOST_SCALE).any() or beyond.any():
            raise WeightsError("weights of a group are too large together")
        return sizes, expected, values

    def fit_values(self, group: int, weights: np.ndarray) -> np.ndarray:
        """Takes the weights (beside,) of neighbours' values; gives them back as they are after rounding."""
        whole, scale = weights * FINE, 0
        while scale < _MOST_SCALE and np.abs(whole).max(initial=0) > 127.4 * (1 << scale):
            scale += 1
        rounded = np.clip(np.round(whole / (1 << scale)), -127, 127).astype(np.int8)
        self.of_values[group], self.scales[group] = torch.from_numpy(rounded), scale
        return rounded.astype(np.float64) * (1 << scale) / FINE

    def fit_sizes(self, group: int, weights: np.ndarray, expected: float) -> None:
        """Takes the weights (near,) >= 0 of neighbours' sizes and that of the expected size."""
        whole = torch.from_numpy(np.clip(np.round(weights * UNIT), 0, 255).astype(np.uint8))
        self.of_sizes[group], self.of_expected[group] = whole, int(np.clip(round(expected * UNIT), 0, 255))

    def fit_tables(self, counts: np.ndarray, signs: np.ndarray, changes: np.ndarray) -> None:
        """Takes tables from counts (sets, BINS, TOKENS + 1), (BINS, SIGNS, 2: not as expected, so), (sets + 1, sets).

        A little of the bins beside, of a falling curve and of even chances is mixed in: nothing is impossible."""
        beside = counts.copy()
        beside[:, 1:] += counts[:, :-1]
        beside[:, :-1] += counts[:, 1:]
        falling = np.exp(-np.arange(TOKENS + 1) / (0.3 + np.arange(BINS)[:, None] / 4))
        share = beside / np.maximum(beside.sum(-1, keepdims=True), 1)
        mixed = counts + 2 * share + 0.5 * falling / falling.sum(1, keepdims=True)
        self.frequencies.copy_(torch.from_numpy(_without_rare(mixed)))
        agree = (signs[..., 1] + 4) / (signs.sum(-1) + 8)
        self.signs.copy_(torch.from_numpy(np.round(agree * _TOTAL).clip(SLOT * 8, _TOTAL - SLOT * 8).astype(np.int32)))
        pooled = changes.sum(0) + 1.0
        self.changes.copy_(torch.from_numpy(shares_of(changes + 2 * pooled / pooled.sum(), _TOTAL - SLOT)))

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` for a coder: rows of sizes, signs, 1 to 7 even bits, sets."""
        sizes, signs, changes = self._checked()
        rows = [np.append(row[:-1][row[:-1] > 0], row[-1]) for row in sizes]
        rows += [np.array([_TOTAL - agree - SLOT, agree, SLOT]) for agree in signs]
        rows += [_even(bits) for bits in range(1, _LOW + 1)]
        rows += [np.append(row, _TOTAL - row.sum()) for row in changes]
        lengths = np.array([len(row) + 1 for row in rows], np.int32)
        cdfs = np.full((len(rows), int(lengths.max())), _TOTAL, np.int32)
        for cdf, row in zip(cdfs, rows, strict=True):
            cdf[0], cdf[1 : len(row) + 1] = 0, np.cumsum(row)
        return cdfs, lengths, np.zeros(len(rows), np.int32)

    def bits(self) -> np.ndarray:
        """Bits float32 (sets, BINS, TOKENS + 1) of each token, and of an escape with what follows."""
        counts = self.frequencies.cpu().numpy()
        bits = PRECISION - np.log2(np.maximum(counts, 0.5))
        bits[..., -1] += 12
        return np.where(counts > 0, bits, bits[..., -1:]).astype(np.float32)

    def change_bits(self) -> np.ndarray:
        """Bits float32 (sets + 1, sets) of a set after each, and first."""
        return (PRECISION - np.log2(self.changes.cpu().numpy())).astype(np.float32)

    def _checked(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sizes = self.frequencies.cpu().numpy().reshape(-1, TOKENS + 1).astype(np.int64)
        signs, changes = (x.cpu().numpy().astype(np.int64) for x in (self.signs.reshape(-1), self.changes))
        gaps = (np.diff((sizes[:, :-1] > 0).astype(np.int8), axis=1) > 0).any()
        if gaps or (sizes < 0).any() or (sizes[:, [0, -1]] < 1).any() or (sizes.sum(1) != _TOTAL).any():
            raise WeightsError("frequencies of tokens are no shares of 65536 without gaps")
        if (signs < 1).any() or (signs >= _TOTAL - SLOT).any():
            raise WeightsError("shares of signs are not between 0 and 65536")
        if (changes < 1).any() or (changes.sum(1) >= _TOTAL).any():
            raise WeightsError("frequencies of sets are no shares of 65536")
        return sizes, signs, changes


def tokens_of(sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(token, low bits left out) of sizes >= 0, int32; from LARGEST on the token goes on by ones."""
    near = np.minimum(sizes, LARGEST)
    return _TOKEN[near] + (sizes - near), _LEFT[near]


def _listed() -> tuple[np.ndarray, np.ndarray]:
    """Tokens and low bits of the sizes up to LARGEST."""
    size = np.arange(LARGEST + 1)
    octave = np.frexp(np.maximum(size, 1).astype(np.float32))[1] - 1  # floor of log2, exact
    left = np.where((size < PLAIN) | (size == LARGEST), 0, octave - 2)
    token = np.where(size < PLAIN, size, PLAIN + 4 * (octave - 4) + ((size >> left) & 3))
    return np.where(size == LARGEST, TOKENS, token).astype(np.int32), left.astype(np.int32)


_TOKEN, _LEFT = _listed()


def sizes_of(tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(least size, low bits to come) of tokens. FormatError for those that no size has."""
    if tokens.min(initial=0) < 0 or tokens.max(initial=0) > 1 << 16:
        raise FormatError("a coefficient leaves its range: the stream is damaged")
    near = np.minimum(tokens, TOKENS)
    return _LEAST[near] + (tokens - near), _LEFT[_LEAST[near]]


_LEAST = np.searchsorted(_TOKEN, np.arange(TOKENS + 1)).astype(np.int32)


def _without_rare(weights: np.ndarray) -> np.ndarray:
    """int32 shares of 65536. Tokens beyond the last one that fills a slot of the coder have none and escape."""
    shares = weights / weights.sum(-1, keepdims=True)
    kept = np.cumsum((shares[..., :-1] >= SLOT / _TOTAL)[..., ::-1], axis=-1)[..., ::-1] > 0
    kept[..., 0] = True
    counts = np.floor(shares * _TOTAL)
    counts[..., :-1] = np.where(kept, np.maximum(counts[..., :-1], SLOT), 0)
    counts[..., -1] = np.maximum(np.floor((1 - (shares[..., :-1] * kept).sum(-1)) * _TOTAL), SLOT)
    largest = counts[..., :-1].argmax(-1)[..., None]
    left = _TOTAL - counts.sum(-1, keepdims=True)
    np.put_along_axis(counts, largest, np.take_along_axis(counts, largest, -1) + left, -1)
    return counts.astype(np.int32)


def _even(bits: int) -> np.ndarray:
    """Shares of the values of that many even bits; the last one and the escape, which never comes, share one."""
    row = np.full((1 << bits) + 1, _TOTAL >> bits)
    row[-2:] = (_TOTAL >> bits) - SLOT, SLOT
    return row
