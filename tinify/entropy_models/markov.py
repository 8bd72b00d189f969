# SPDX-License-Identifier: Apache-2.0
"""Each token given the one that it is most like: the step before, or the coarser level."""

from __future__ import annotations

import numpy as np

from tinify.entropy_models.table_prior import TablePrior


class Markov1Prior(TablePrior):
    """One table for each level and context, backed off to the level's histogram where a context was seen little.

    `p(k | c) = (n(c, k) + backoff * p(k)) / (n(c) + backoff)`, counted on training tokens, with 4 % of the level's
    histogram and 1 % of the even distribution mixed in, so that data unlike the training's stays affordable (at most
    0.08 bits a token dearer where the context was right). Rounded to integers once.
    Source: Dirichlet back-off, MacKay and Peto 1995, "A hierarchical Dirichlet language model".
    """

    sequential = True

    def __init__(self, levels: int, codebook_size: int, backoff: float = 16.0):
        super().__init__(levels, codebook_size)
        self.backoff = float(backoff)

    @property
    def rows(self) -> int:
        return self.codebook_size + 1 + (self.levels - 1) * self.codebook_size

    def row(self, level: int, context: np.ndarray) -> np.ndarray:
        first = 0 if level == 0 else self.codebook_size + 1 + (level - 1) * self.codebook_size
        return (context + first).astype(np.int32)

    def fit(self, counts: np.ndarray) -> None:
        size = self.codebook_size
        bounds = [0, size + 1, *(size + 1 + size * level for level in range(1, self.levels))]
        probabilities = np.empty_like(counts)
        for low, high in zip(bounds, [*bounds[1:], self.rows], strict=False):
            block = counts[low:high]
            level = block.sum(axis=0) + 1.0
            level /= level.sum()
            counted = (block + self.backoff * level) / (block.sum(axis=1, keepdims=True) + self.backoff)
            probabilities[low:high] = 0.95 * counted + 0.04 * level + 0.01 / size
        self.set_probabilities(probabilities)
