# SPDX-License-Identifier: Apache-2.0
"""The contract of a prior over tokens, and what static priors share: integer frequencies."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from tinify.errors import ConfigError

_TOTAL = 1 << 16
_SHIFT = 32769


class TokenPrior(nn.Module, ABC):
    """Probabilities of tokens in `levels` levels of `codebook_size` codes each, as integers by nature.

        context (what is decoded already) -> row -> integer table -> coder

    The context of a token of level l >= 1 is the token of level l - 1 at the same place; that of level 0 is the token
    of level 0 one step earlier in time, or `codebook_size` at the start. `frequencies` (rows, codebook_size) are saved
    with the weights: int16, a share of 65536 in [1, 65535] less 32769, so a table has every code at least once.
    """

    frequencies: Tensor
    sequential: bool
    """Whether level 0 needs the step before; if not, all steps are coded at once."""

    def __init__(self, levels: int, codebook_size: int):
        super().__init__()
        if levels < 1 or not 1 <= codebook_size <= 4096:
            raise ConfigError(f"{levels} levels of {codebook_size} codes; allowed: at least 1 level, 1 to 4096 codes")
        self.levels, self.codebook_size = int(levels), int(codebook_size)
        even = (_TOTAL - 1) // self.codebook_size
        shares = torch.full((self.rows, self.codebook_size), even - _SHIFT, dtype=torch.int16)
        self.register_buffer("frequencies", shares)

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many tables there are."""

    @abstractmethod
    def row(self, level: int, context: np.ndarray) -> np.ndarray:
        """Table numbers, int32, for tokens of a level with these contexts (any shape, the same back)."""

    @abstractmethod
    def fit(self, counts: np.ndarray) -> None:
        """Takes the frequencies from counts (rows, codebook_size) of training tokens."""

    def count(self, tokens: np.ndarray) -> np.ndarray:
        """Counts (rows, codebook_size) of tokens (sequences, steps, levels), to be added up and given to `fit`."""
        counts = np.zeros((self.rows, self.codebook_size))
        for level in range(tokens.shape[-1]):
            rows = self.row(level, self.contexts(tokens, level))
            np.add.at(counts, (rows.ravel(), tokens[..., level].ravel()), 1)
        return counts

    def contexts(self, tokens: np.ndarray, level: int) -> np.ndarray:
        """The context of each token of a level: (sequences, steps) of tokens (sequences, steps, levels)."""
        if level:
            return tokens[..., level - 1]
        before = np.full(tokens.shape[:-1], self.codebook_size, dtype=np.int64)
        before[:, 1:] = tokens[:, :-1, 0]
        return before

    def set_probabilities(self, probabilities: np.ndarray) -> None:
        """Rounds probabilities (rows, codebook_size) to frequencies whose tables sum to 65536 with the escape."""
        size = self.codebook_size
        free = _TOTAL - 1 - size  # one for the escape, one for each code
        shares = probabilities / probabilities.sum(axis=1, keepdims=True) * free
        whole = np.floor(shares).astype(np.int64)
        missing = free - whole.sum(axis=1)
        order = np.argsort(-(shares - whole), axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(size)[None, :].repeat(len(order), 0), axis=1)
        whole += rank < missing[:, None]
        self.frequencies.copy_(torch.from_numpy((whole + 1 - _SHIFT).astype(np.int16)))

    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` for a coder: int32 (rows, codebook_size + 2), (rows,), (rows,)."""
        counts = self.frequencies.numpy().astype(np.int64) + _SHIFT
        cdfs = np.zeros((self.rows, self.codebook_size + 2), dtype=np.int32)
        cdfs[:, 1:-1] = np.cumsum(counts, axis=1)
        cdfs[:, -1] = _TOTAL
        return cdfs, np.full(self.rows, self.codebook_size + 2, np.int32), np.zeros(self.rows, np.int32)

    def bits(self) -> Tensor:
        """Bits of each code in each row: float32 (rows, codebook_size)."""
        return 16 - torch.log2(self.frequencies.to(torch.float32) + _SHIFT)
