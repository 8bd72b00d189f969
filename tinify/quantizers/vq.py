# SPDX-License-Identifier: Apache-2.0
"""Vector quantization with a codebook that follows the data."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tinify.errors import ConfigError
from tinify.quantizers.base import Quantized, Quantizer
from tinify.quantizers.search import nearest


class VectorQuantizer(Quantizer):
    """A vector becomes the number of the nearest of `codebook_size` codes.

        y (..., D) -> argmin_k |y - c_k|^2 (+ lmbda * rate_k) -> token (...) -> c_token (..., D)

    While training the codes are exponential moving averages of the vectors that chose them; the first batch places them
    by k-means; a code that few choose is put where a vector of the batch is. `forward` adds the commitment loss
    `commitment * |y - sg(c)|^2` and hands `c` on with the gradient of `y`: straight through, or turned and scaled from
    c's direction into y's with `gradient="rotation"`.

    Source: van den Oord, Vinyals, Kavukcuoglu 2017, arXiv:1711.00937; dead codes: Zeghidour et al. 2021,
    arXiv:2107.03312; rotation: Fifty et al. 2024, arXiv:2410.06424; rate: Chou, Lookabaugh, Gray 1989.
    """

    codebook: Tensor

    def __init__(
        self,
        dim: int,
        codebook_size: int = 256,
        decay: float = 0.98,
        commitment: float = 0.25,
        dead_below: float = 0.02,
        gradient: str = "straight-through",
    ):
        super().__init__()
        if gradient not in ("straight-through", "rotation"):
            raise ConfigError(f'gradient is {gradient!r}; allowed: "straight-through", "rotation"')
        if dim < 1 or codebook_size < 1:
            raise ConfigError(f"dim is {dim} and codebook_size {codebook_size}; both must be at least 1")
        self.dim, self.codebook_size = int(dim), int(codebook_size)
        self.decay, self.commitment, self.dead_below = float(decay), float(commitment), float(dead_below)
        self.gradient = gradient
        self.register_buffer("codebook", torch.randn(self.codebook_size, self.dim))
        self.register_buffer("usage", torch.ones(self.codebook_size))
        self.register_buffer("sums", self.codebook.clone())
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))

    @torch.no_grad()
    def quantize(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Tensor:
        """Tokens (...) int64 of y (..., D). `rate`: bits of each code, (K,) or (..., K), weighed with `lmbda`."""
        return nearest(y, self.codebook, rate, lmbda)

    def dequantize(self, symbols: Tensor) -> Tensor:
        """Codes (..., D) of tokens (...)."""
        return F.embedding(symbols.long(), self.codebook)

    def forward(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Quantized:
        if self.training:
            self._start(y)
        tokens = self.quantize(y, rate, lmbda)
        code = self.dequantize(tokens)
        if self.training:
            self._follow(y.detach().reshape(-1, self.dim), tokens.reshape(-1))
        loss = self.commitment * F.mse_loss(y, code)
        return Quantized(self._with_gradient(y, code), tokens, loss)

    def _with_gradient(self, y: Tensor, code: Tensor) -> Tensor:
        if self.gradient == "straight-through":
            return y + (code - y).detach()
        unit_y, unit_code = F.normalize(y, dim=-1).detach(), F.normalize(code, dim=-1).detach()
        middle = F.normalize(unit_y + unit_code, dim=-1)
        scale = (code.norm(dim=-1, keepdim=True) / y.norm(dim=-1, keepdim=True).clamp_min(1e-6)).detach()

        def along(direction: Tensor) -> Tensor:
            return (y * direction).sum(-1, keepdim=True)

        return scale * (y - 2 * along(middle) * middle + 2 * along(unit_y) * unit_code)

    @torch.no_grad()
    def _start(self, y: Tensor) -> None:
        if self.started:
            return
        flat = y.detach().reshape(-1, self.dim)
        self.codebook.copy_(k_means(flat, self.codebook_size))
        self.sums.copy_(self.codebook)
        self.usage.fill_(1.0)
        self.started.fill_(True)

    @torch.no_grad()
    def _follow(self, flat: Tensor, tokens: Tensor) -> None:
        counts = torch.bincount(tokens, minlength=self.codebook_size).to(flat.dtype)
        sums = torch.zeros_like(self.sums).index_add_(0, tokens, flat)
        # Usage is relative: 1 is an even share, so `dead_below` does not depend on the batch.
        share = self.codebook_size / max(len(flat), 1)
        self.usage.lerp_(counts * share, 1 - self.decay)
        self.sums.lerp_(sums * share, 1 - self.decay)
        self.codebook.copy_(self.sums / self.usage.clamp_min(1e-5)[:, None])
        dead = torch.nonzero(self.usage < self.dead_below)[:, 0]
        if len(dead) and len(flat):
            self.codebook[dead] = flat[torch.randint(len(flat), (len(dead),), device=flat.device)]
            self.sums[dead], self.usage[dead] = self.codebook[dead], 1.0


@torch.no_grad()
def k_means(points: Tensor, count: int, rounds: int = 10) -> Tensor:
    """`count` centres (count, D) of points (N, D) by Lloyd's rounds from randomly chosen points; an empty one is put on
    a point. Repeats points when there are fewer than `count`."""
    order = torch.randperm(len(points), device=points.device)
    centres = points[order[torch.arange(count, device=points.device) % len(points)]].clone()
    for _ in range(rounds):
        cost = torch.addmm(0.5 * centres.square().sum(1), points, centres.t(), alpha=-1)
        owner = cost.argmin(1)
        counts = torch.bincount(owner, minlength=count).to(points.dtype)
        sums = torch.zeros_like(centres).index_add_(0, owner, points)
        empty = counts == 0
        centres = sums / counts.clamp_min(1)[:, None]
        centres[empty] = points[torch.randint(len(points), (int(empty.sum()),), device=points.device)]
    return centres
