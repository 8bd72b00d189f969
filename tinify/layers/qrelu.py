# SPDX-License-Identifier: Apache-2.0
"""A clamp to the range of an unsigned integer that training can leave again."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# About gamma(1 + 1/beta) at beta = 100, which makes the area under the gradient that of the range; published
# checkpoints were trained with this value whatever their beta.
_ALPHA = 0.9943258522851727


class QReLU(torch.autograd.Function):
    """`QReLU.apply(x, bit_depth, beta)`: x clamped to [0, 2^bit_depth - 1], nothing rounded. Shapes: any -> the same.

    Beyond the range the gradient falls off as exp(-(alpha |2 x / (2^bit_depth - 1) - 1|)^beta) rather than at once.
    Source: Ballé, Johnston, Minnen 2019, "Integer Networks for Data Compression with Latent-Variable Models",
    openreview S1zz2i0cY7.
    """

    @staticmethod
    def forward(ctx, x: Tensor, bit_depth: int, beta: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.top, ctx.beta = 2**bit_depth - 1, beta
        return x.clamp(0, ctx.top)

    @staticmethod
    def backward(ctx, grad_output: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        from_centre = (2 * x / ctx.top - 1).abs()
        falling = torch.exp(-(_ALPHA**ctx.beta) * from_centre**ctx.beta)
        inside = (x >= 0) & (x <= ctx.top)
        return torch.where(inside, grad_output, falling * grad_output), None, None


class QuantizedReLU(nn.Module):
    """`QReLU` as a layer."""

    def __init__(self, bit_depth: int = 8, beta: float = 100):
        super().__init__()
        self.bit_depth, self.beta = int(bit_depth), beta

    def forward(self, x: Tensor) -> Tensor:
        return QReLU.apply(x, self.bit_depth, self.beta)
