# SPDX-License-Identifier: Apache-2.0
"""What quantizers with a fixed grid of codes share: a learned plane for the grid to lie in."""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.quantizers.base import Quantized, Quantizer
from tinify.quantizers.search import nearest

_REACH = 2.0  # deviations of the data that one unit of z covers


class ProjectedGrid(Quantizer):
    """A vector becomes the number of a point of a grid that is never learned, only where it lies is.

        y (..., D) -> z = down (y - centre) (..., d) -> point of the grid -> token (...)
        token -> grid (..., d) -> up grid + centre -> y_hat (..., D)

    The first training batch puts the plane where the data varies most (its principal directions), so that stages of a
    residual quantizer scale themselves; `down` and `up` then learn with the rest of the codec. The gradient reaches y
    in the plane alone. With bits to weigh, the token is the best of all points, as in `VectorQuantizer`; but not while
    training, where the gradient would push y away from a cheaper point than its own, and further with each step.
    """

    straight_through = False
    grid: Tensor

    def __init__(self, dim: int, grid: Tensor):
        super().__init__()
        size, inner = grid.shape
        if dim < 1 or inner > dim:
            raise ConfigError(f"dim is {dim}; a grid of {inner} dimensions needs at least as many")
        self.dim, self.codebook_size = int(dim), int(size)
        self.register_buffer("grid", grid)
        self.register_buffer("started", torch.zeros((), dtype=torch.bool))
        self.centre = nn.Parameter(torch.zeros(dim))
        self.down = nn.Parameter(torch.eye(inner, dim) / _REACH)
        self.up = nn.Parameter(_REACH * torch.eye(dim, inner))

    @abstractmethod
    def point(self, z: Tensor) -> Tensor:
        """The grid's point that z (..., d) falls on, with a straight-through gradient for z."""

    @abstractmethod
    def number(self, point: Tensor) -> Tensor:
        """Tokens (...) int64 of points (..., d) of the grid."""

    def extra_loss(self, z: Tensor) -> Tensor:
        """A loss of the quantizer's own on z (N, d), in the units of a squared error of y; none unless it says so."""
        return self.no_loss(z)

    def codebook(self) -> Tensor:
        """The codes (codebook_size, D) that the tokens stand for."""
        return F.linear(self.grid, self.up) + self.centre

    def project(self, y: Tensor) -> Tensor:
        return F.linear(y - self.centre, self.down)

    @torch.no_grad()
    def quantize(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Tensor:
        """Tokens (...) int64 of y (..., D). `rate`: bits of each code, (K,) or (..., K), weighed with `lmbda`."""
        if rate is not None and lmbda > 0:
            return nearest(y, self.codebook(), rate, lmbda)
        return self.number(self.point(self.project(y)))

    @torch.no_grad()
    def dequantize(self, symbols: Tensor) -> Tensor:
        """Codes (..., D) of tokens (...)."""
        return F.embedding(symbols.long(), self.codebook())

    def forward(self, y: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Quantized:
        if self.training:
            self._start(y)
        z = self.project(y)
        point = self.point(z)
        tokens = self.number(point.detach()) if self.training else self.quantize(y, rate, lmbda)
        if not self.training:
            point = F.embedding(tokens, self.grid) + (point - point.detach())
        return Quantized(F.linear(point, self.up) + self.centre, tokens, self.extra_loss(z.flatten(0, -2)))

    @torch.no_grad()
    def _start(self, y: Tensor) -> None:
        flat = y.detach().reshape(-1, self.dim)
        if self.started or len(flat) < 2:
            return
        self.centre.copy_(flat.mean(0))
        inner = self.grid.shape[1]
        values, vectors = torch.linalg.eigh(torch.cov(flat.t()).reshape(self.dim, self.dim))
        reach = _REACH * values[-inner:].flip(0).clamp_min(1e-8).sqrt()
        directions = vectors[:, -inner:].flip(1)
        self.down.copy_(directions.t() / reach[:, None])
        points = self.point(self.project(flat))
        # Least squares per direction: where the points should lie for this data.
        along = (flat - self.centre) @ directions
        self.up.copy_(directions * ((along * points).sum(0) / points.square().sum(0).clamp_min(1e-8)))
        self.started.fill_(True)
