# SPDX-License-Identifier: Apache-2.0
"""Residual quantization: stage after stage, each on what the ones before left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import repeat

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

    @property
    def levels(self) -> int:
        """How many tokens a vector has at most."""
        return len(self.stages)

    def quantize(
        self, y: Tensor, stages: int | None = None, rate: Sequence[Tensor] | None = None, lmbda: float = 0.0
    ) -> Tensor:
        """Tokens (..., n) of y (..., D). `rate`: bits of each code, (K,) or (..., K), for each stage."""
        tokens, rest = [], y
        for number, (stage, weighed) in enumerate(zip(self.stages[:stages], _weighed(rate, lmbda), strict=False)):
            if number:
                rest = rest - self.stages[number - 1].dequantize(tokens[-1])
            tokens.append(stage.quantize(rest, **weighed))
        return torch.stack(tokens, dim=-1)

    def dequantize(self, symbols: Tensor) -> Tensor:
        used = self.stages[: symbols.shape[-1]]
        return reduce(torch.add, (stage.dequantize(symbols[..., i]) for i, stage in enumerate(used)))

    def draw(self, stages: int | None) -> int:
        """The number of stages that `forward` uses: as said, else a random one while training, else all."""
        if stages is None and self.training:
            return int(torch.randint(1, len(self.stages) + 1, ()))
        return len(self.stages) if stages is None else stages

    def forward(
        self, y: Tensor, stages: int | None = None, rate: Sequence[Tensor] | None = None, lmbda: float = 0.0
    ) -> Quantized:
        # Of the gradient J_i of each stage remains I - prod (I - J_i): `rest` leads on what no stage has taken.
        data, rest, tokens, loss = y, y, [], self.no_loss(y)
        for stage, weighed in zip(self.stages[: self.draw(stages)], _weighed(rate, lmbda), strict=False):
            out = stage(data if stage.straight_through else rest, **weighed)
            # A stage sees what the ones before left as data, so that its own loss reaches y undiminished.
            data = data - out.y_hat.detach()
            rest = data.detach() if stage.straight_through else rest - out.y_hat
            tokens.append(out.symbols)
            loss = loss + out.loss
        return Quantized(y - rest, torch.stack(tokens, dim=-1), loss)


def _weighed(rate: Sequence[Tensor] | None, lmbda: float) -> Iterator[dict]:
    # A stage that cannot weigh bits (a uniform one) takes y alone.
    return repeat({}) if rate is None else ({"rate": bits, "lmbda": lmbda} for bits in rate)
