# SPDX-License-Identifier: Apache-2.0
"""Residual quantizers of the library: several tokens a vector, the first few of which are a coarser codec."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
import vector_quantize_pytorch as vqp
from torch import Tensor, nn

from tinify.quantizers import Quantized, Quantizer, ResidualQuantizer, nearest
from tinify_vqp.single import called, check_power, levels_for, made


class Stage(Quantizer):
    """One stage of a residual quantizer, which holds the weights; here are its codes."""

    def __init__(self, whole: Residual, number: int):
        super().__init__()
        self.dim, self.codebook_size = whole.dim, whole.codebook_size
        self._place = (whole, number)  # in a tuple the whole is not a part of its part

    def codebook(self) -> Tensor:
        """The codes (codebook_size, D) of this stage."""
        whole, number = self._place
        return whole.codebook(number)

    @torch.no_grad()
    def quantize(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Tensor:
        """Tokens (...) int64 of what the stages before left, (..., D)."""
        return nearest(y, self.codebook(), rate, lmbda)

    @torch.no_grad()
    def dequantize(self, symbols: Tensor) -> Tensor:
        return F.embedding(symbols.long(), self.codebook())


class Residual(ResidualQuantizer):
    """A module of the library with `layers`, between perhaps a `project_in` and a `project_out`.

        y (..., D) -> library -> tokens (..., n) -> sum of the stages' codes (..., D)

    The library trains all stages or the first n together, and chooses the tokens, but where bits are weighed: then
    stage after stage takes the code of least squared error and weighted bits on what is left.
    """

    straight_through = False

    def __init__(self, dim: int, codebook_size: int, num_quantizers: int, inner: nn.Module):
        nn.Module.__init__(self)
        self.dim, self.codebook_size, self.inner = int(dim), int(codebook_size), inner
        self.stages = nn.ModuleList(Stage(self, number) for number in range(num_quantizers))

    def codebook(self, number: int) -> Tensor:
        """Codes (codebook_size, D) of a stage: what it adds to y_hat. The offset of the projection is the first's."""
        codes = self.inner.codebooks[number] * self.scale(number)
        project = getattr(self.inner, "project_out", nn.Identity())
        codes = project(codes)
        return codes if number == 0 else codes - project(torch.zeros_like(self.inner.codebooks[number][:1]))

    def scale(self, number: int) -> Tensor | float:
        """By what the library multiplies the codes of a stage."""
        return 1.0

    @torch.no_grad()
    def quantize(
        self, y: Tensor, stages: int | None = None, rate: Sequence[Tensor] | None = None, lmbda: float = 0.0
    ) -> Tensor:
        if rate is not None and lmbda > 0:
            return super().quantize(y, stages, rate, lmbda)
        return called(self._first(stages), y, training=False)[1]

    @torch.no_grad()
    def dequantize(self, symbols: Tensor) -> Tensor:
        return super().dequantize(symbols)

    def forward(
        self, y: Tensor, stages: int | None = None, rate: Sequence[Tensor] | None = None, lmbda: float = 0.0
    ) -> Quantized:
        stages = self.draw(stages)
        if not self.training:
            tokens = self.quantize(y, stages, rate, lmbda)
            return Quantized(self.dequantize(tokens), tokens, self.no_loss(y))
        return Quantized(*called(self._first(stages), y, training=True))

    def _first(self, stages: int | None) -> nn.Module:
        """The library's module with its first layers alone; the weights are the same."""
        if stages is None or stages >= len(self.stages):
            return self.inner
        part = copy.copy(self.inner)
        part._modules = {**self.inner._modules, "layers": self.inner.layers[:stages]}
        return part


class ResidualVq(Residual):
    """`ResidualVQ`. `options` are the library's own (shared_codebook, codebook_dim, decay, rotation_trick, ...).

    Source: Zeghidour et al. 2021, "SoundStream", arXiv:2107.03312.
    """

    def __init__(self, dim: int, codebook_size: int = 256, num_quantizers: int = 4, **options: Any):
        options = {"kmeans_init": True, "threshold_ema_dead_code": 1, **options}
        options |= {"dim": dim, "codebook_size": codebook_size, "num_quantizers": num_quantizers}
        super().__init__(dim, codebook_size, num_quantizers, made(vqp.ResidualVQ, **options))


class ResidualSimVq(Residual):
    """`ResidualSimVQ`. Source: Zhu et al. 2024, arXiv:2411.02038."""

    def __init__(self, dim: int, codebook_size: int = 256, num_quantizers: int = 4, **options: Any):
        options |= {"dim": dim, "codebook_size": codebook_size, "num_quantizers": num_quantizers}
        super().__init__(dim, codebook_size, num_quantizers, made(vqp.ResidualSimVQ, **options))


class ResidualFsq(Residual):
    """`ResidualFSQ`: every stage has the same `levels`, on a range as much smaller.

    Source: Mentzer et al. 2023, arXiv:2309.15505; the stages are the library's.
    """

    def __init__(
        self,
        dim: int,
        codebook_size: int = 256,
        num_quantizers: int = 4,
        levels: Sequence[int] | None = None,
        **options: Any,
    ):
        levels = levels_for(dim, codebook_size, levels)
        options |= {"dim": dim, "levels": levels, "num_quantizers": num_quantizers}
        super().__init__(dim, prod(levels), num_quantizers, made(vqp.ResidualFSQ, **options))

    def scale(self, number: int) -> Tensor:
        return self.inner.scales[number]


class ResidualLfq(Residual):
    """`ResidualLFQ`: signs of half the size, stage after stage. Source: Yu et al. 2023, arXiv:2310.05737."""

    def __init__(self, dim: int, codebook_size: int = 256, num_quantizers: int = 4, **options: Any):
        check_power(codebook_size)
        options |= {"dim": dim, "codebook_size": codebook_size, "num_quantizers": num_quantizers}
        super().__init__(dim, codebook_size, num_quantizers, made(vqp.ResidualLFQ, **options))
