# SPDX-License-Identifier: Apache-2.0
"""A causal transformer over tokens, in integers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models.fixed_point import LOGIT_BITS, STATE_MAX, IntegerLinear, exp2
from tinify.entropy_models.integer_tokens import IntegerEmbedding, IntegerHeads
from tinify.entropy_models.learned_prior import LearnedPrior, PriorSession, TokenInputs
from tinify.entropy_models.transformer_network import LIMIT, STREAM_BITS, TransformerNetwork
from tinify.errors import ConfigError

_PART_BITS = 10  # fraction bits of queries, keys and values
_LOG2_E = 1.4426950408889634


class TransformerPrior(LearnedPrior):
    """Blocks of attention to the last `reach` steps and of a layer of rectified units; each adds to what runs along.

        tokens before ─► embedding ─► x ─┬────────────────(+)─┬──────────────────(+)─► next block ... ─► heads
                                         └─► norm, attention ─┘└─► norm, W, relu, W'┘

    Attention has a learned bias for each distance, so sequences may be of any length. Integers as in `GruPrior`: x
    int16 with 12 fraction bits; the norm divides by an integer root; the weights of attention are 2^-x from `exp2`, and
    their mean a whole division.

    Source: Vaswani et al. 2017, arXiv:1706.03762; Raffel et al. 2020, arXiv:1910.10683 (biases by distance); Zhang and
    Sennrich 2019, arXiv:1910.07467 (root mean square norm).
    """

    group: ClassVar[int] = 128
    distance: Tensor

    def __init__(self, levels: int, codebook_size: int, width: int = 96, blocks: int = 2, heads: int = 4,
                 reach: int = 128):  # fmt: skip
        super().__init__(levels, codebook_size)
        if not (heads >= 1 and 1 <= width <= 256 and width % heads == 0 and 1 <= blocks <= 12 and 1 <= reach <= 1024):
            raise ConfigError(
                f"width {width}, blocks {blocks}, heads {heads}, reach {reach}; allowed: a width of at most 256 that "
                "the heads divide, 1 to 12 blocks, a reach of 1 to 1024"
            )
        self.width, self.blocks, self.parts, self.reach = int(width), int(blocks), int(heads), int(reach)
        self.inputs = IntegerEmbedding(self.levels, self.codebook_size, width, width, STREAM_BITS)
        sizes = {"three": (width, 3 * width, STREAM_BITS, _PART_BITS), "join": (width, width, _PART_BITS, STREAM_BITS),
                 "wide": (width, 2 * width, STREAM_BITS, STREAM_BITS),
                 "narrow": (2 * width, width, STREAM_BITS, STREAM_BITS)}  # fmt: skip
        self.layers = nn.ModuleList(
            nn.ModuleDict({name: IntegerLinear(*size) for name, size in sizes.items()}) for _ in range(blocks)
        )
        self.register_buffer("distance", torch.zeros(blocks, heads, reach, dtype=torch.int32))
        self.heads = IntegerHeads(self.levels, self.codebook_size, self.width, STREAM_BITS, direct=False)

    def network(self) -> TransformerNetwork:
        return TransformerNetwork(self.levels, self.codebook_size, self.width, self.blocks, self.parts, self.reach)

    @torch.no_grad()
    def quantize(self, network: TransformerNetwork) -> None:
        self.inputs.take(network.embedding.weight, network.start.weight, network.start.bias)
        # Scores come out in bits: 2^x instead of e^x, and the root of the width of a head in the queries.
        scale = torch.ones(3 * self.width)
        scale[: self.width] = _LOG2_E / (self.width // self.parts) ** 0.5
        for layer, of in zip(self.layers, network.blocks, strict=True):
            layer["three"].take(of["three"].weight * scale[:, None], of["three"].bias * scale)
            for name in ("join", "wide", "narrow"):
                layer[name].take(of[name].weight, of[name].bias)
        bias = network.distance.double() * _LOG2_E * (1 << LOGIT_BITS)
        self.distance.copy_(torch.round(bias).clamp(-(1 << 20), 1 << 20))
        self.heads.take(network.heads)

    def start(self, sequences: int, levels: int) -> TransformerSession:
        return TransformerSession(self, sequences, levels)


class TransformerSession(PriorSession):
    """Goes on step by step, with the keys and values of the last `reach` steps."""

    def __init__(self, prior: TransformerPrior, sequences: int, levels: int):
        self._prior, self._step = prior, 0
        self._tokens = TokenInputs(prior.inputs, prior.heads, sequences, levels)
        shape = (prior.blocks, 2, sequences, prior.reach, prior.parts, prior.width // prior.parts)
        self._past = np.zeros(shape, np.float32)  # integers below 2^15
        self._distance = prior.distance.numpy().astype(np.int64)
        self._advance()

    def cdfs(self, level: int) -> np.ndarray:
        return self._prior.heads.cdfs(level, self._state, self._tokens.coarse)

    def take(self, level: int, tokens: np.ndarray) -> None:
        if self._tokens.take(level, tokens):
            self._advance()

    def _advance(self) -> None:
        x = np.clip(self._tokens.input, -STATE_MAX, STATE_MAX)
        for number, layer in enumerate(self._prior.layers):
            x = np.clip(x + layer["join"](self._attend(number, layer["three"](_norm(x)))), -STATE_MAX, STATE_MAX)
            wide = np.maximum(layer["wide"](_norm(x)), 0)
            x = np.clip(x + layer["narrow"](wide), -STATE_MAX, STATE_MAX)
        self._state, self._step = _norm(x), self._step + 1

    def _attend(self, number: int, three: np.ndarray) -> np.ndarray:
        prior, past = self._prior, self._past[number]
        query, key, value = three.reshape(len(three), 3, prior.parts, -1).swapaxes(0, 1)
        place = self._step % prior.reach
        past[0][:, place], past[1][:, place] = key, value
        known = min(self._step + 1, prior.reach)
        keys, values = (past[i][:, :known].astype(np.float64) for i in (0, 1))
        scores = np.einsum("nhd,nthd->nht", query.astype(np.float64), keys).astype(np.int64)
        distances = (place - np.arange(known)) % prior.reach
        scores = (scores >> (2 * _PART_BITS - LOGIT_BITS)) + self._distance[number][:, distances]
        weights = exp2(scores.max(axis=2, keepdims=True) - scores) if len(three) else scores
        sums = np.einsum("nht,nthd->nhd", weights.astype(np.float64), values).astype(np.int64)
        return (sums // weights.sum(axis=2)[:, :, None]).reshape(len(three), -1)


def _norm(x: np.ndarray) -> np.ndarray:
    """x over its root mean square, with as many fraction bits as x."""
    mean = (x * x).sum(axis=1, keepdims=True) // x.shape[1]
    root = np.sqrt(mean.astype(np.float64)).astype(np.int64)  # IEEE roots are correctly rounded
    most = int(LIMIT * (1 << STREAM_BITS))
    return np.clip((x << STREAM_BITS) // np.maximum(root, 1), -most, most)
