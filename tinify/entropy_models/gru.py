# SPDX-License-Identifier: Apache-2.0
"""A gated recurrent unit over tokens, in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from tinify import _core
from tinify.entropy_models.fixed_point import (
    GATE_BITS,
    SIGMOID_BITS,
    STATE_BITS,
    IntegerLinear,
    activation_tables,
    rounded_shift,
    sigmoid,
    tanh,
)
from tinify.entropy_models.gru_network import GruNetwork
from tinify.entropy_models.integer_tokens import IntegerEmbedding, IntegerHeads
from tinify.entropy_models.learned_prior import LearnedPrior, PriorSession, TokenInputs
from tinify.errors import ConfigError


class GruPrior(LearnedPrior):
    """A GRU over time, and inside a step the levels in order, each seeing the coarser tokens of its step.

        tokens before ─► sum of embeddings ─► W_i ─┐
                                                   ├─► gates ─► h ─┬─────────────────────────► head 0 ─► table
                              h before ─► W_h ─────┘               ├─► mix 1 ─(+)─► clamp ──► head 1 ─► table
                                                                   │   token 0 ─┘
                                                                   └─► mix 2 ─(+)─► ...

    All of it integers: int8 weights with a multiplier a row, h int16 with 15 fraction bits, gates from tables. Strings
    are made by the native core, a stream for each sequence; `start` gives the reference, equal bit for bit.

    Source: Cho et al. 2014, arXiv:1406.1078 (GRU); integers: Ballé, Johnston, Minnen 2019 (ICLR).
    """

    def __init__(self, levels: int, codebook_size: int, embedding: int = 64, hidden: int = 128):
        super().__init__(levels, codebook_size)
        if not (1 <= embedding <= 256 and 16 <= hidden <= 256 and hidden % 16 == 0):
            raise ConfigError(f"embedding is {embedding}, hidden {hidden}; allowed: 1 to 256; 16 to 256 in steps of 16")
        self.width, self.hidden = int(embedding), int(hidden)
        self._made: tuple[list, _core.TokenGru] | None = None
        self.inputs = IntegerEmbedding(self.levels, self.codebook_size, self.width, 3 * self.hidden, GATE_BITS)
        self.recurrent = IntegerLinear(self.hidden, 3 * self.hidden, STATE_BITS, GATE_BITS)
        self.heads = IntegerHeads(self.levels, self.codebook_size, self.hidden, STATE_BITS, direct=True)

    def network(self) -> GruNetwork:
        return GruNetwork(self.levels, self.codebook_size, self.width, self.hidden)

    @torch.no_grad()
    def quantize(self, network: GruNetwork) -> None:
        gru, gates = network.gru, 2 * self.hidden
        # What is added to the state's part of n is multiplied by r; all other biases count once, with the input.
        own = torch.cat([torch.zeros(gates), gru.bias_hh_l0[gates:]])
        rest = torch.cat([gru.bias_ih_l0[:gates] + gru.bias_hh_l0[:gates], gru.bias_ih_l0[gates:]])
        self.inputs.take(network.embedding.weight, gru.weight_ih_l0, rest)
        self.recurrent.take(gru.weight_hh_l0, own)
        self.heads.take(network.heads)

    def start(self, sequences: int, levels: int) -> GruSession:
        return GruSession(self, sequences, levels)

    def encode(self, tokens: np.ndarray, coder: Any = None) -> bytes:
        """The native string (src/token_string.hpp): a stream for each sequence, whatever the coder."""
        self.check_tokens(tokens)
        return self.native().encode(np.ascontiguousarray(tokens, np.int32), torch.get_num_threads())

    def decode(
        self, string: bytes, shape: tuple[int, int, int], coder: Any = None, sequences: slice | None = None
    ) -> np.ndarray:
        self.check_shape(shape)
        first, last, _ = (sequences or slice(None)).indices(shape[0])
        count = max(last - first, 0)
        tokens = self.native().decode(bytes(string), *shape, first, count, torch.get_num_threads())
        return tokens.astype(np.int64)

    def token_bits(self, tokens: np.ndarray) -> np.ndarray:
        self.check_tokens(tokens)
        found = self.native().intervals(np.ascontiguousarray(tokens, np.int32), torch.get_num_threads())
        return 16 - np.log2((found >> 16).astype(np.float32))

    def choose(self, y: np.ndarray, codebooks: list[np.ndarray], lmbda: float) -> tuple[np.ndarray, bytes]:
        books = [np.ascontiguousarray(book, np.float32) for book in codebooks]
        y = np.ascontiguousarray(y, np.float32)
        tokens, string = self.native().choose(y, books, lmbda, torch.get_num_threads())
        return tokens.astype(np.int64), string

    def rates(self, sequences: int, levels: int) -> NativeRates:
        return NativeRates(self.native(), sequences, levels)

    def native(self) -> _core.TokenGru:
        """The native coder with these weights, made anew when they have changed."""
        state = [(id(buffer), buffer._version) for buffer in self.buffers()]
        if self._made is None or self._made[0] != state:
            self._made = state, self._make()
        return self._made[1]

    def _make(self) -> _core.TokenGru:
        mixes, heads = ([layer.arrays() for layer in part] for part in (self.heads.mixes, self.heads.out))
        return _core.TokenGru(
            self.levels, self.codebook_size, self.hidden, self.inputs.table(), self.heads.depth_table(),
            *activation_tables(), self.recurrent.arrays(), mixes, heads,
        )  # fmt: skip

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_made": None}


class GruSession(PriorSession):
    """The reference: what the native coder computes, in NumPy."""

    def __init__(self, prior: GruPrior, sequences: int, levels: int):
        self._prior = prior
        self._tokens = TokenInputs(prior.inputs, prior.heads, sequences, levels)
        self._state = np.zeros((sequences, prior.hidden), np.int64)
        self._advance()

    def cdfs(self, level: int) -> np.ndarray:
        return self._prior.heads.cdfs(level, self._state, self._tokens.coarse)

    def take(self, level: int, tokens: np.ndarray) -> None:
        if self._tokens.take(level, tokens):
            self._advance()

    def _advance(self) -> None:
        size = self._prior.hidden
        given, own = self._tokens.input, self._prior.recurrent(self._state)
        reset = sigmoid(given[:, :size] + own[:, :size])
        update = sigmoid(given[:, size : 2 * size] + own[:, size : 2 * size])
        candidate = tanh(given[:, 2 * size :] + rounded_shift(reset * own[:, 2 * size :], SIGMOID_BITS))
        self._state = candidate + rounded_shift(update * (self._state - candidate), SIGMOID_BITS)


class NativeRates:
    """Bits of the next tokens from the native core: `bits` and `take` as in a session."""

    def __init__(self, native: _core.TokenGru, sequences: int, levels: int):
        self._steps = _core.TokenGruSteps(native, sequences, levels)

    def bits(self, level: int) -> np.ndarray:
        return self._steps.bits(level)

    def take(self, level: int, tokens: np.ndarray) -> None:
        self._steps.take(level, np.ascontiguousarray(tokens, np.int32))
