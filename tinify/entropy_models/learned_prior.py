# SPDX-License-Identifier: Apache-2.0
"""Priors that are networks, in integers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from tinify.entropy_models.integer_tokens import IntegerEmbedding, IntegerHeads
from tinify.entropy_models.token_network import TokenNetwork
from tinify.entropy_models.token_prior import TokenPrior
from tinify.errors import FormatError


class PriorSession(ABC):
    """Goes through some sequences token by token, all of them at once: for each step, for each level used, asks for
    `cdfs` and says with `take` which tokens came."""

    @abstractmethod
    def cdfs(self, level: int) -> np.ndarray:
        """Integer CDFs, int32 (sequences, codebook_size + 2), of the next token."""

    @abstractmethod
    def take(self, level: int, tokens: np.ndarray) -> None:
        """The tokens (sequences,) that came; after the last level used, the next step begins."""

    def bits(self, level: int) -> np.ndarray:
        """Bits of each code as the next token, float32 (sequences, codebook_size)."""
        return 16 - np.log2(np.diff(self.cdfs(level)[:, :-1]).astype(np.float32))


class TokenInputs:
    """What a session's network gets from the tokens so far: `input` (sequences, width) of this step, and `coarse`
    (sequences, hidden), the sum over those of its levels that came already."""

    def __init__(self, inputs: IntegerEmbedding, heads: IntegerHeads, sequences: int, levels: int):
        table = inputs.table().astype(np.int64)
        self._rows = table[: inputs.first].reshape(inputs.levels, -1, table.shape[1])
        self._depth = heads.depth_table().astype(np.int64)
        self._constant, self._used = table[inputs.first + levels], levels
        self.input = np.tile(table[inputs.first] + self._constant, (sequences, 1))
        self.coarse = np.zeros((sequences, self._depth.shape[2]), np.int64)
        self._next = self._constant

    def take(self, level: int, tokens: np.ndarray) -> bool:
        """Adds tokens (sequences,); True where they end the step, and `input` is the next one's."""
        self._next = self._next + self._rows[level][tokens]
        if level + 1 < self._used:
            self.coarse = self.coarse + self._depth[level][tokens]
            return False
        self.input, self._next, self.coarse = self._next, self._constant, np.zeros_like(self.coarse)
        return True


class LearnedPrior(TokenPrior):
    """A network in integers gives each token's table from all tokens before it in its sequence.

        float network --train--> quantize --> int8 weights --> session --> tables --> coder

    Order of a string: step by step, the levels of a step in order. The saved weights are the integers; `network` makes
    a float one to train, `quantize` rounds it into this. `frequencies` holds one table a level, for quick estimates.
    """

    stepwise = True
    group: ClassVar[int] = 1024
    """Sequences that are coded at a time in NumPy: bounds the memory."""

    @abstractmethod
    def network(self) -> TokenNetwork:
        """A new float network of this prior's sizes."""

    @abstractmethod
    def quantize(self, network: TokenNetwork) -> None:
        """Rounds a trained network into the integer weights."""

    @abstractmethod
    def start(self, sequences: int, levels: int) -> PriorSession:
        """A session in the exact integers that strings are coded with."""

    def rates(self, sequences: int, levels: int) -> Any:
        """As `start`, needing only `bits` and `take`."""
        return self.start(sequences, levels)

    @property
    def rows(self) -> int:
        return self.levels

    def row(self, level: int, context: np.ndarray) -> np.ndarray:
        return np.full(context.shape, level, dtype=np.int32)

    def count(self, tokens: np.ndarray) -> np.ndarray:
        counts = np.zeros((self.levels, self.codebook_size))
        for level in range(tokens.shape[-1]):
            counts[level] = np.bincount(tokens[..., level].ravel(), minlength=self.codebook_size)
        return counts

    def fit(self, counts: np.ndarray) -> None:
        self.set_probabilities(counts + 1.0)

    def encode(self, tokens: np.ndarray, coder: Any) -> bytes:
        self.check_tokens(tokens)
        encoder = coder.encoder()
        for group in self._groups(len(tokens) if tokens.size else 0):
            part = tokens[group]
            session = self.start(len(part), tokens.shape[2])
            rows = np.arange(len(part), dtype=np.int32)
            for step, level in np.ndindex(tokens.shape[1:]):
                symbols = np.ascontiguousarray(part[:, step, level], np.int32)
                encoder.push(symbols, rows, self._register(coder, session.cdfs(level)))
                session.take(level, symbols)
        return encoder.finish()

    def decode(
        self, string: bytes, shape: tuple[int, int, int], coder: Any, sequences: slice | None = None
    ) -> np.ndarray:
        self.check_length(string, shape)
        decoder, tokens = coder.decoder(string), np.zeros(shape, dtype=np.int64)
        for group in self._groups(shape[0] if shape[1] else 0):
            part = tokens[group]
            session = self.start(len(part), shape[2])
            rows = np.arange(len(part), dtype=np.int32)
            for step, level in np.ndindex(shape[1:]):
                symbols = decoder.pull(rows, self._register(coder, session.cdfs(level)))
                if symbols.size and not 0 <= symbols.min() <= symbols.max() < self.codebook_size:
                    raise FormatError(f"the stream holds a token beyond the {self.codebook_size} codes")
                part[:, step, level] = symbols
                session.take(level, symbols)
        decoder.finish()
        return tokens if sequences is None else tokens[sequences]

    def token_bits(self, tokens: np.ndarray) -> np.ndarray:
        self.check_tokens(tokens)
        out = np.empty(tokens.shape, np.float32)
        for group in self._groups(len(tokens) if tokens.size else 0):
            part = tokens[group]
            session = self.start(len(part), tokens.shape[2])
            for step, level in np.ndindex(tokens.shape[1:]):
                symbols = part[:, step, level]
                out[group, step, level] = session.bits(level)[np.arange(len(part)), symbols]
                session.take(level, symbols)
        return out

    def _groups(self, sequences: int) -> list[slice]:
        return [slice(first, min(first + self.group, sequences)) for first in range(0, sequences, self.group)]

    @staticmethod
    def _register(coder: Any, cdfs: np.ndarray) -> Any:
        rows, width = cdfs.shape
        return coder.tables(cdfs, np.full(rows, width, np.int32), np.zeros(rows, np.int32))
