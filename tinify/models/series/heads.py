# SPDX-License-Identifier: Apache-2.0
"""Networks that read tokens where a decoder would: a classifier and a forecaster."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, InputError
from tinify.quantizers import ResidualQuantizer


class TokenEmbedding(nn.Module):
    """tokens (..., n) -> vectors (..., width): for each level a learned vector of its token, added up.

    `of` a quantizer begins at its codes, so that the vectors begin as the dequantized latents. Tokens of fewer than
    `levels` levels are taken, too: those of a coarser quality.
    """

    def __init__(self, levels: int, codebook_size: int, width: int):
        super().__init__()
        if min(levels, codebook_size, width) < 1:
            raise ConfigError(f"{levels} levels of {codebook_size} codes, width {width}; all must be at least 1")
        self.levels, self.codebook_size, self.width = int(levels), int(codebook_size), int(width)
        self.vectors = nn.Parameter(torch.randn(levels * codebook_size, width) / width**0.5)

    @classmethod
    @torch.no_grad()
    def of(cls, quantizer: ResidualQuantizer) -> TokenEmbedding:
        """The embedding whose vectors are the codes of a quantizer's stages."""
        size = quantizer.stages[0].codebook_size
        codes = torch.cat([stage.dequantize(torch.arange(size)) for stage in quantizer.stages])
        embedding = cls(len(quantizer.stages), size, codes.shape[-1])
        embedding.vectors.copy_(codes)
        return embedding

    def forward(self, tokens: Tensor) -> Tensor:
        levels = tokens.shape[-1]
        if levels > self.levels:
            raise InputError(f"tokens of {levels} levels, for an embedding of {self.levels}")
        first = torch.arange(levels, device=tokens.device) * self.codebook_size
        return nn.functional.embedding(tokens.long() + first, self.vectors).sum(-2)


class Classifier(nn.Module):
    """h (B, C, L, D) -> logits (B, classes), of what each channel's vectors are like over time.

        h ─► mean and logarithm of the deviation over L ─► standardised ─► linear (or a layer of `width` before it)

    With `width` 0 it is logistic regression on pooled features.
    """

    def __init__(self, channels: int, dim: int, classes: int, width: int = 0):
        super().__init__()
        features = 2 * channels * dim
        self.standardise = nn.BatchNorm1d(features, affine=False)
        hidden = [nn.Linear(features, width), nn.GELU()] if width else []
        self.network = nn.Sequential(*hidden, nn.Linear(width or features, classes))

    def forward(self, h: Tensor) -> Tensor:
        return self.network(self.standardise(pooled(h)))


class Forecaster(nn.Module):
    """h (B, C, L, D) -> the next `horizon` samples (B, C, horizon), every channel alike.

    h ─► flat (L * D) ─► linear (+ a layer of `width`, which begins at zero)
    """

    def __init__(self, steps: int, dim: int, horizon: int, width: int = 0):
        super().__init__()
        self.steps, self.dim, self.horizon = int(steps), int(dim), int(horizon)
        self.linear = nn.Linear(steps * dim, horizon)
        nn.init.zeros_(self.linear.weight)
        self.network = None
        if width:
            self.network = nn.Sequential(nn.Linear(steps * dim, width), nn.GELU(), nn.Linear(width, horizon))
            nn.init.zeros_(self.network[-1].weight)

    def forward(self, h: Tensor) -> Tensor:
        if h.shape[2:] != (self.steps, self.dim):
            raise InputError(f"vectors {tuple(h.shape[2:])}, for a forecaster of {(self.steps, self.dim)}")
        flat = h.flatten(2)
        return self.linear(flat) if self.network is None else self.linear(flat) + self.network(flat)


class TokenHead(nn.Module):
    """tokens (B, C, L, n) -> embedding -> head -> logits or samples: a task without the decoder."""

    def __init__(self, embedding: TokenEmbedding, head: nn.Module):
        super().__init__()
        self.embedding, self.head = embedding, head

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.embedding(tokens))


def pooled(h: Tensor) -> Tensor:
    """Features (B, 2 C D) of vectors (B, C, L, D): mean, and logarithm of the deviation, over L."""
    deviation = (h - h.mean(2, keepdim=True)).square().mean(2)
    return torch.cat([h.mean(2).flatten(1), 0.5 * torch.log(deviation + 1e-4).flatten(1)], 1)
