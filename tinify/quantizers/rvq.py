# SPDX-License-Identifier: Apache-2.0
"""Residual quantization: stage after stage, each on what the ones before left."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.quantizers.base import Quantized, Quantizer
from tinify.quantizers.vq import VectorQuantizer


class ResidualQuantizer(Quantizer):
    """`y ~ s_1 + s_2 + ... + s_n`, each s_i the quantized remainder of the ones before; any quantizer can be a stage.

        y (..., D) -> tokens (..., n) -> sum of codes (..., D)

    The first n stages alone are a coarser codec, so n is a rate. While training, `forward` uses a random n for each
    call (quantizer dropout) unless `stages` says one.

    Source: Zeghidour et al. 2021, "SoundStream", arXiv:2107.03312.
    """

    def __init__(self, stages: Sequence[Quantizer]):
        super().__init__()
        if not stages:
            raise ConfigError("a residual quantizer needs at least one stage")
        self.stages = nn.ModuleList(stages)

    @classmethod
    def of_codebooks(cls, dim: int, stages: int = 8, codebook_size: int = 256, **options) -> ResidualQuantizer:
        """Residual vector quantization with `stages` codebooks of one size."""
        return cls([VectorQuantizer(dim, codebook_size, **options) for _ in range(stages)])

    def quantize(self, y: Tensor, stages: int | None = None) -> Tensor:
        tokens, rest = [], y
        for stage in self.stages[:stages]:
            tokens.append(stage.quantize(rest))
            rest = rest - stage.dequantize(tokens[-1])
        return torch.stack(tokens, dim=-1)

    def dequantize(self, symbols: Tensor) -> Tensor:
        used = self.stages[: symbols.shape[-1]]
        return sum(stage.dequantize(symbols[..., i]) for i, stage in enumerate(used))

    def forward(self, y: Tensor, stages: int | None = None) -> Quantized:
        if stages is None and self.training:
            stages = int(torch.randint(1, len(self.stages) + 1, ()))
        rest, total, tokens, loss = y, torch.zeros_like(y), [], self.no_loss(y)
        for stage in self.stages[:stages]:
            out = stage(rest)
            # A stage sees what the ones before left as data; its gradient reaches y once, through the sum.
            rest, total = rest - out.y_hat.detach(), total + out.y_hat
            tokens.append(out.symbols)
            loss = loss + out.loss
        return Quantized(y + (total - y).detach(), torch.stack(tokens, dim=-1), loss)
