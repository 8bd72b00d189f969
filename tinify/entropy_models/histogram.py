# SPDX-License-Identifier: Apache-2.0
"""How often each token comes, and nothing else."""

from __future__ import annotations

import numpy as np

from tinify.entropy_models.table_prior import TablePrior


class HistogramPrior(TablePrior):
    """One table a level: the static frequencies of the training tokens, each code counted once more than it came."""

    sequential = False

    @property
    def rows(self) -> int:
        return self.levels

    def row(self, level: int, context: np.ndarray) -> np.ndarray:
        return np.full(context.shape, level, dtype=np.int32)

    def fit(self, counts: np.ndarray) -> None:
        self.set_probabilities(counts + 1.0)
