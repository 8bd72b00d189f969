# SPDX-License-Identifier: Apache-2.0
"""What the float networks of token priors share: their input, and their loss."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class TokenNetwork(nn.Module, ABC):
    """A causal network over tokens (sequences, steps, levels used); only trained, never used to code.

    `embedding` has rows for each code of each level, one for the start, and one for each number of levels used.
    """

    def __init__(self, levels: int, codebook_size: int, width: int):
        super().__init__()
        self.levels, self.codebook_size = levels, codebook_size
        self.embedding = nn.Embedding(levels * codebook_size + 1 + levels, width)
        nn.init.normal_(self.embedding.weight, std=0.3)

    @abstractmethod
    def logits(self, tokens: Tensor) -> list[Tensor]:
        """For each level the logits (sequences, steps, codes) of its tokens given all that is decoded before them."""

    def embed_before(self, tokens: Tensor) -> Tensor:
        """The input of each step: the sum of the embeddings of the step before, (sequences, steps, width)."""
        used, size = tokens.shape[-1], self.codebook_size
        levels = torch.arange(used, device=tokens.device) * size
        known = self.embedding(tokens[:, :-1] + levels).sum(dim=2)
        first = self.embedding.weight[self.levels * size].expand(len(tokens), 1, -1)
        return torch.cat([first, known], dim=1) + self.embedding.weight[self.levels * size + used]

    def nll(self, tokens: Tensor, corruption: float = 0.0, smoothing: float = 0.0) -> Tensor:
        """Bits of each token (sequences, steps, levels used). `corruption`: the share of context tokens replaced by
        random ones; `smoothing`: the share of the target spread over all codes. Both keep a network from overfitting.
        """
        context = tokens
        if corruption > 0:
            other = torch.randint_like(tokens, self.codebook_size)
            context = torch.where(torch.rand(tokens.shape, device=tokens.device) < corruption, other, tokens)
        bits = [
            F.cross_entropy(
                found.flatten(0, 1), tokens[..., level].flatten(), reduction="none", label_smoothing=smoothing
            )
            for level, found in enumerate(self.logits(context))
        ]
        return torch.stack(bits, dim=-1).view(tokens.shape) * 1.4426950408889634


class TokenHeads(nn.Module):
    """State of a step -> for each level the logits of its codes; the levels in order, each given those before it.

        level l: relu(W_l state + sum of depth embeddings of the step's tokens before l), at most 1 -> linear -> logits

    Level 0 reads the state as it is where `direct`.
    """

    def __init__(self, levels: int, codebook_size: int, hidden: int, direct: bool):
        super().__init__()
        self.direct = direct
        self.depth = nn.Parameter(torch.randn(levels - 1, codebook_size, hidden) * 0.05)
        self.mixes = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(levels - direct))
        self.out = nn.ModuleList(nn.Linear(hidden, codebook_size) for _ in range(levels))

    def forward(self, state: Tensor, tokens: Tensor) -> list[Tensor]:
        found, coarse = [], 0.0
        for level in range(tokens.shape[-1]):
            if level:
                coarse = coarse + self.depth[level - 1][tokens[..., level - 1]]
            seen = state
            if level or not self.direct:
                seen = (self.mixes[level - self.direct](state) + coarse).clamp(0, 1)
            found.append(self.out[level](seen))
        return found
