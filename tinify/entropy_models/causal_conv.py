# SPDX-License-Identifier: Apache-2.0
"""Dilated causal gated convolutions over tokens, in integers."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.entropy_models.fixed_point import (
    GATE_BITS,
    SIGMOID_BITS,
    STATE_BITS,
    STATE_MAX,
    IntegerLinear,
    rounded_shift,
    sigmoid,
    tanh,
)
from tinify.entropy_models.integer_tokens import IntegerEmbedding, IntegerHeads
from tinify.entropy_models.learned_prior import LearnedPrior, PriorSession, TokenInputs
from tinify.entropy_models.token_network import TokenHeads, TokenNetwork
from tinify.errors import ConfigError

_BITS = 12  # fraction bits of what runs along the blocks, which stays in (-8, 8)
_LIMIT = STATE_MAX / (1 << _BITS)


class CausalConvNetwork(TokenNetwork):
    """The float network that a convolutional prior is trained as; see `CausalConvPrior`."""

    def __init__(self, levels: int, codebook_size: int, embedding: int = 64, width: int = 96, blocks: int = 6):
        super().__init__(levels, codebook_size, embedding)
        self.start = nn.Linear(embedding, width)
        self.taps = nn.ModuleList(nn.Linear(2 * width, 2 * width) for _ in range(blocks))
        self.joins = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.heads = TokenHeads(levels, codebook_size, width, direct=False)

    def logits(self, tokens: Tensor) -> list[Tensor]:
        x = self.start(self.embed_before(tokens)).clamp(-_LIMIT, _LIMIT)
        for number, (tap, join) in enumerate(zip(self.taps, self.joins, strict=True)):
            past = F.pad(x, (0, 0, 1 << number, 0))[:, : x.shape[1]]
            value, gate = tap(torch.cat([past, x], dim=-1)).chunk(2, dim=-1)
            x = (x + join(torch.tanh(value) * torch.sigmoid(gate))).clamp(-_LIMIT, _LIMIT)
        return self.heads(x, tokens)


class CausalConvPrior(LearnedPrior):
    """Blocks of gated convolutions of two taps, 1, 2, 4, ... steps apart; each adds to what runs along.

        tokens before ─► embedding ─► x ─┬───────────────────────────────────────────────(+)─► next block ... ─► heads
                                         └─► W [x at t - d, x at t] ─► tanh · sigmoid ─► W'─┘

    Sees 2^blocks steps. Integers as in `GruPrior`; x int16 with 12 fraction bits.

    Source: van den Oord et al. 2016, arXiv:1609.03499 (WaveNet). Differs in that blocks are joined by their sum only.
    """

    def __init__(self, levels: int, codebook_size: int, embedding: int = 64, width: int = 96, blocks: int = 6):
        super().__init__(levels, codebook_size)
        if not (1 <= embedding <= 256 and 1 <= width <= 128 and 1 <= blocks <= 12):
            raise ConfigError(f"embedding {embedding}, width {width}, blocks {blocks}; at most 256, 128 and 12")
        self.embedding, self.width, self.blocks = int(embedding), int(width), int(blocks)
        self.inputs = IntegerEmbedding(self.levels, self.codebook_size, self.embedding, self.width, _BITS)
        self.taps = nn.ModuleList(IntegerLinear(2 * width, 2 * width, _BITS, GATE_BITS) for _ in range(blocks))
        self.joins = nn.ModuleList(IntegerLinear(width, width, STATE_BITS, _BITS) for _ in range(blocks))
        self.heads = IntegerHeads(self.levels, self.codebook_size, self.width, _BITS, direct=False)

    def network(self) -> CausalConvNetwork:
        return CausalConvNetwork(self.levels, self.codebook_size, self.embedding, self.width, self.blocks)

    @torch.no_grad()
    def quantize(self, network: CausalConvNetwork) -> None:
        self.inputs.take(network.embedding.weight, network.start.weight, network.start.bias)
        for mine, other in ((self.taps, network.taps), (self.joins, network.joins)):
            for layer, of in zip(mine, other, strict=True):
                layer.take(of.weight, of.bias)
        self.heads.take(network.heads)

    def start(self, sequences: int, levels: int) -> CausalConvSession:
        return CausalConvSession(self, sequences, levels)


class CausalConvSession(PriorSession):
    """Goes on step by step: each block remembers its input as far back as its first tap reaches."""

    def __init__(self, prior: CausalConvPrior, sequences: int, levels: int):
        self._prior, self._step = prior, 0
        self._tokens = TokenInputs(prior.inputs, prior.heads, sequences, levels)
        self._past = [np.zeros((1 << block, sequences, prior.width), np.int64) for block in range(prior.blocks)]
        self._advance()

    def cdfs(self, level: int) -> np.ndarray:
        return self._prior.heads.cdfs(level, self._state, self._tokens.coarse)

    def take(self, level: int, tokens: np.ndarray) -> None:
        if self._tokens.take(level, tokens):
            self._advance()

    def _advance(self) -> None:
        prior, x = self._prior, np.clip(self._tokens.input, -STATE_MAX, STATE_MAX)
        for past, tap, join in zip(self._past, prior.taps, prior.joins, strict=True):
            place = self._step % len(past)
            found = tap(np.concatenate([past[place], x], axis=1))
            past[place] = x
            value, gate = tanh(found[:, : prior.width]), sigmoid(found[:, prior.width :])
            x = np.clip(x + join(rounded_shift(value * gate, SIGMOID_BITS)), -STATE_MAX, STATE_MAX)
        self._state, self._step = x, self._step + 1
