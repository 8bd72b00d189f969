# SPDX-License-Identifier: Apache-2.0
"""Quantizers of one codebook: a vector, a token. `Tokenizer` makes residual stages of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from math import log2, prod
from typing import Any

import torch
import torch.nn.functional as F
import vector_quantize_pytorch as vqp
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.quantizers import Quantized, Quantizer, nearest


class Single(Quantizer):
    """A module of the library that takes (1, N, D) and gives values and tokens, perhaps with a loss.

    y (..., D) -> library -> token (...) -> code (..., D)

    The library chooses the tokens, but where bits are weighed: then it is the code of least |y - c|^2 + lmbda * bits.
    While training the library alone chooses. The codes are made anew from its weights whenever they are needed.
    """

    def __init__(self, dim: int, codebook_size: int, inner: nn.Module):
        super().__init__()
        self.dim, self.codebook_size, self.inner = int(dim), int(codebook_size), inner

    @abstractmethod
    def codebook(self) -> Tensor:
        """The codes (codebook_size, D) that the tokens stand for."""

    @torch.no_grad()
    def quantize(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Tensor:
        """Tokens (...) int64 of y (..., D). `rate`: bits of each code, (K,) or (..., K), weighed with `lmbda`."""
        if rate is not None and lmbda > 0:
            return nearest(y, self.codebook(), rate, lmbda)
        return called(self.inner, y, training=False)[1]

    @torch.no_grad()
    def dequantize(self, symbols: Tensor) -> Tensor:
        """Codes (..., D) of tokens (...)."""
        return F.embedding(symbols.long(), self.codebook())

    def forward(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Quantized:
        if not self.training:
            tokens = self.quantize(y, rate, lmbda)
            return Quantized(self.dequantize(tokens), tokens, self.no_loss(y))
        y_hat, tokens, loss = called(self.inner, y, training=True)
        return Quantized(y_hat, tokens, loss)


class Vq(Single):
    """`VectorQuantize`: the nearest of codes that are moving averages; k-means places them on the first batch.

    `options` are the library's own (decay, commitment_weight, rotation_trick, threshold_ema_dead_code, ...). With a
    `codebook_dim` the codes lie in a learned plane. Source: van den Oord et al. 2017, arXiv:1711.00937.
    """

    def __init__(self, dim: int, codebook_size: int = 256, **options: Any):
        options = {"kmeans_init": True, "threshold_ema_dead_code": 1, **options}
        super().__init__(dim, codebook_size, made(vqp.VectorQuantize, dim=dim, codebook_size=codebook_size, **options))

    def codebook(self) -> Tensor:
        return self.inner.get_output_from_indices(torch.arange(self.codebook_size)[None])[0]


class SimVq(Single):
    """`SimVQ`: the codes are a learned linear map of frozen random ones, so that none is left unused.

    Source: Zhu, Li, Xin, Xu 2024, "Addressing representation collapse in vector quantized models", arXiv:2411.02038.
    """

    def __init__(self, dim: int, codebook_size: int = 256, **options: Any):
        super().__init__(dim, codebook_size, made(vqp.SimVQ, dim=dim, codebook_size=codebook_size, **options))

    def codebook(self) -> Tensor:
        return self.inner.codebook


class Fsq(Single):
    """`FSQ`: a learned plane of as many dimensions as there are `levels`, each rounded to that many.

    Without `levels`, as many levels of 5 or less as `codebook_size` allows. Source: Mentzer et al. 2023,
    arXiv:2309.15505.
    """

    straight_through = False

    def __init__(self, dim: int, codebook_size: int = 256, levels: Sequence[int] | None = None, **options: Any):
        levels = levels_for(dim, codebook_size, levels)
        super().__init__(dim, prod(levels), made(vqp.FSQ, levels=levels, dim=dim, **options))

    def codebook(self) -> Tensor:
        return self.inner.indices_to_codes(torch.arange(self.codebook_size)[None])[0]


class Lfq(Single):
    """`LFQ`: the signs of log2(codebook_size) numbers of a learned plane. `codebook_scale` is what a sign stands for.

    Source: Yu et al. 2023, "Language model beats diffusion", arXiv:2310.05737.
    """

    straight_through = False

    def __init__(self, dim: int, codebook_size: int = 256, **options: Any):
        check_power(codebook_size)
        super().__init__(dim, codebook_size, made(vqp.LFQ, dim=dim, codebook_size=codebook_size, **options))

    def codebook(self) -> Tensor:
        return self.inner.indices_to_codes(torch.arange(self.codebook_size)[None])[0]


def made(factory: Any, **options: Any) -> nn.Module:
    """A module of the library; ConfigError for options that it does not take."""
    try:
        return factory(**options)
    except (TypeError, AssertionError, ValueError) as error:
        raise ConfigError(f"{factory.__name__} of vector-quantize-pytorch takes no {options}: {error}") from error


def called(inner: nn.Module, y: Tensor, *, training: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Values (..., D), tokens (...) or (..., stages) int64, and the sum of the losses of one call of the library."""
    before = inner.training
    # Codes that no batch has placed yet would be placed by whatever comes first: in training alone they should.
    unplaced = [] if training else [flag for name, flag in inner.named_buffers() if name.endswith("initted")]
    unplaced = [flag for flag in unplaced if not flag]
    if before != training:
        inner.train(training)
    try:
        for flag in unplaced:
            flag.fill_(True)
        values, tokens, *losses = inner(y.reshape(1, -1, y.shape[-1]))
    finally:
        for flag in unplaced:
            flag.fill_(False)
        if before != training:
            inner.train(before)
    loss = losses[0].sum() if losses else y.new_zeros(())
    return values.reshape(y.shape), tokens.long().reshape(*y.shape[:-1], *tokens.shape[2:]), loss


def levels_for(dim: int, codebook_size: int, levels: Sequence[int] | None) -> list[int]:
    """`levels` after a check, or levels of 5, 4, 3 or 2 whose product is at most `codebook_size`. ConfigError."""
    if levels is None:
        counts = [int(log2(codebook_size) / log2(base) + 1e-9) for base in (5, 4, 3, 2)]
        levels = next(([base] * count for base, count in zip((5, 4, 3, 2), counts, strict=True) if count >= 1), [])
        levels = levels[:dim]
    if not levels or len(levels) > dim or min(levels) < 2 or prod(levels) > codebook_size:
        raise ConfigError(
            f"levels are {list(levels)}; allowed: at most dim = {dim} of them, at least 2 each, and {codebook_size} "
            "codes in all"
        )
    return [int(level) for level in levels]


def check_power(codebook_size: int) -> None:
    """ConfigError unless it is a power of two."""
    if codebook_size < 2 or codebook_size & (codebook_size - 1):
        raise ConfigError(f"codebook_size is {codebook_size}; signs make a power of two, 2 or more")
