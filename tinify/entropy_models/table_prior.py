# SPDX-License-Identifier: Apache-2.0
"""Priors that are tables: the context of a token is one other token."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinify.entropy_models.token_prior import TokenPrior
from tinify.errors import FormatError


class TablePrior(TokenPrior):
    """A prior whose tables are fixed once it is fitted.

        context (what is decoded already) -> row -> integer table -> coder

    The context of a token of level l >= 1 is the token of level l - 1 at the same place; that of level 0 is the token
    of level 0 one step earlier in time, or `codebook_size` at the start. Tokens of level 0 come first in a string, step
    by step through all sequences at once; those of a later level follow in one run, since their context is known by
    then.
    """

    sequential: bool
    """Whether level 0 needs the step before; if not, all steps are coded at once."""

    def __init__(self, levels: int, codebook_size: int):
        super().__init__(levels, codebook_size)
        self._registered: tuple | None = None

    def encode(self, tokens: np.ndarray, coder: Any) -> bytes:
        encoder, tables = coder.encoder(), self._tables(coder)
        for level in range(tokens.shape[-1]):
            rows, part = self.row(level, self.contexts(tokens, level)), tokens[..., level]
            if level == 0:
                part, rows = part.T, rows.T  # step after step
            encoder.push(np.ascontiguousarray(part, np.int32), np.ascontiguousarray(rows), tables)
        return encoder.finish()

    def decode(
        self, string: bytes, shape: tuple[int, int, int], coder: Any, sequences: slice | None = None
    ) -> np.ndarray:
        self.check_length(string, shape)
        decoder, tables, tokens = coder.decoder(string), self._tables(coder), np.zeros(shape, dtype=np.int64)
        tokens[..., 0] = self._decode_first(decoder, tables, *shape[:2])
        for level in range(1, shape[2]):
            rows = self.row(level, tokens[..., level - 1])
            tokens[..., level] = self._pull(decoder, np.ascontiguousarray(rows), tables)
        decoder.finish()
        return tokens if sequences is None else tokens[sequences]

    def token_bits(self, tokens: np.ndarray) -> np.ndarray:
        rows = [self.row(level, self.contexts(tokens, level)) for level in range(tokens.shape[-1])]
        return self.bits().numpy()[np.stack(rows, axis=-1), tokens]

    def count(self, tokens: np.ndarray) -> np.ndarray:
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

    def _decode_first(self, decoder: Any, tables: Any, sequences: int, steps: int) -> np.ndarray:
        if not self.sequential:
            return self._pull(decoder, self.row(0, np.zeros((steps, sequences), np.int64)), tables).T
        before, out = np.full(sequences, self.codebook_size), np.empty((sequences, steps), np.int64)
        for step in range(steps):
            before = out[:, step] = self._pull(decoder, self.row(0, before), tables)
        return out

    def _pull(self, decoder: Any, rows: np.ndarray, tables: Any) -> np.ndarray:
        symbols = decoder.pull(rows, tables)
        if symbols.size and (symbols.min() < 0 or symbols.max() >= self.codebook_size):
            raise FormatError(f"the stream holds a token beyond the {self.codebook_size} codes")
        return symbols

    def _tables(self, coder: Any) -> Any:
        state = self.frequencies._version, id(self.frequencies)
        if self._registered is None or self._registered[0] != state:
            self._registered = state, coder.tables(*self.tables())
        return self._registered[1]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_registered": None}
