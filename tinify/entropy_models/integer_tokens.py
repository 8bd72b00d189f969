# SPDX-License-Identifier: Apache-2.0
"""The two ends that the integer networks of token priors share: embeddings in, distributions of codes out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tinify.entropy_models.fixed_point import (
    LOGIT_BITS,
    LOGIT_MAX,
    STATE_BITS,
    STATE_MAX,
    IntegerLinear,
    cdfs_of_logits,
)
from tinify.entropy_models.token_network import TokenHeads

_LOG2_E = 1.4426950408889634


class IntegerEmbedding(nn.Module):
    """Embeddings through a linear layer, as a table: a row for each code of each level, then one for the start of a
    sequence, then one for each number of levels used."""

    vectors: Tensor
    bias: Tensor

    def __init__(self, levels: int, codebook_size: int, width: int, out: int, out_bits: int):
        super().__init__()
        self.levels, self.first = levels, levels * codebook_size
        self.register_buffer("vectors", torch.zeros(self.first + 1 + levels, width, dtype=torch.int8))
        self.register_buffer("bias", torch.zeros(out, dtype=torch.int16))
        self.linear = IntegerLinear(width, out, 0, out_bits, drop=0)

    @torch.no_grad()
    def take(self, vectors: Tensor, weight: Tensor, bias: Tensor) -> None:
        """Rounds float vectors (rows, width), weights (out, width) and the bias (out,) of the linear layer."""
        vectors = vectors.detach().double()
        scale = vectors.abs().amax(dim=0).clamp_min(1e-9) / 127  # of each column; goes into the weights
        self.vectors.copy_(torch.round(vectors / scale))
        self.linear.take(weight.double() * scale)
        self.bias.copy_(torch.round(bias.double() * 2.0**self.linear.out_bits).clamp(-STATE_MAX, STATE_MAX))

    def table(self) -> np.ndarray:
        """int16 (rows, out); the bias is in the rows for the numbers of levels, which count once in every step."""
        table = self.linear(self.vectors.numpy())
        table[self.first + 1 :] += self.bias.numpy()
        return np.clip(table, -STATE_MAX, STATE_MAX).astype(np.int16)


class IntegerHeads(nn.Module):
    """State of a step (int16, `in_bits` fraction bits) -> for each level the logits of its codes, given the coarser
    tokens of the step: `TokenHeads` in integers. Level 0 reads the state as it is where `direct`."""

    depth: Tensor
    depth_shift: Tensor

    def __init__(self, levels: int, codebook_size: int, hidden: int, in_bits: int, direct: bool):
        super().__init__()
        self.direct = direct
        self.register_buffer("depth", torch.zeros(levels - 1, codebook_size, hidden, dtype=torch.int8))
        self.register_buffer("depth_shift", torch.zeros(levels - 1, dtype=torch.int8))
        self.mixes = nn.ModuleList(IntegerLinear(hidden, hidden, in_bits, STATE_BITS) for _ in range(levels - direct))
        self.out = nn.ModuleList(
            IntegerLinear(hidden, codebook_size, STATE_BITS, LOGIT_BITS, limit=LOGIT_MAX) for _ in range(levels)
        )

    @torch.no_grad()
    def take(self, heads: TokenHeads) -> None:
        for level, values in enumerate(heads.depth.detach().double() * (1 << STATE_BITS)):
            shift = int(torch.ceil(torch.log2(values.abs().max().clamp_min(1.0) / 127)).clamp(0, 9))
            self.depth_shift[level] = shift
            self.depth[level] = torch.round(values / (1 << shift)).clamp(-127, 127).to(torch.int8)
        for mix, of in zip(self.mixes, heads.mixes, strict=True):
            mix.take(of.weight, of.bias)
        for out, of in zip(self.out, heads.out, strict=True):
            out.take(of.weight.double() * _LOG2_E, of.bias.double() * _LOG2_E)

    def cdfs(self, level: int, state: np.ndarray, coarse: np.ndarray) -> np.ndarray:
        """Integer CDFs (rows, codes + 2) for states (rows, hidden) and the sums of `depth_table` of coarser tokens."""
        if level or not self.direct:
            state = np.clip(self.mixes[level - self.direct](state) + coarse, 0, STATE_MAX)
        return cdfs_of_logits(self.out[level](state))

    def depth_table(self) -> np.ndarray:
        """What each token adds to what finer levels of its step see: int16 (levels - 1, codes, hidden)."""
        shifts = np.clip(self.depth_shift.numpy().astype(np.int64)[:, None, None], 0, 9)
        return np.clip(self.depth.numpy().astype(np.int64) << shifts, -STATE_MAX, STATE_MAX).astype(np.int16)
