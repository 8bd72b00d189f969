# SPDX-License-Identifier: Apache-2.0
"""A lower bound that training can leave again, and the non-negative parameters built on it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class _LowerBoundFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, bound: Tensor) -> Tensor:
        ctx.save_for_backward(x, bound)
        return torch.max(x, bound)

    @staticmethod
    def backward(ctx, grad_output: Tensor):
        x, bound = ctx.saved_tensors
        passes = (x >= bound) | (grad_output < 0)
        return passes * grad_output, None


class LowerBound(nn.Module):
    """`max(x, bound)` whose gradient still passes where a step would lift `x` back above the bound.

    Shapes: any -> the same. Source: Ballé et al. 2018, arXiv:1802.01436, appendix 6.1.
    """

    bound: Tensor

    def __init__(self, bound: float):
        super().__init__()
        self.register_buffer("bound", torch.tensor([float(bound)]))

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() and x.requires_grad:
            return _LowerBoundFunction.apply(x, self.bound)
        return torch.max(x, self.bound)


class NonNegativeParametrizer(nn.Module):
    """Keeps a parameter at or above `minimum` by storing `sqrt(value + pedestal)`.

    Shapes: any -> the same. Source: Ballé 2018, "Efficient Nonlinear Transforms for Lossy Image Compression",
    arXiv:1802.00847, section 3.
    """

    pedestal: Tensor

    def __init__(self, minimum: float = 0.0, reparam_offset: float = 2**-18):
        super().__init__()
        pedestal = reparam_offset**2
        self.register_buffer("pedestal", torch.tensor([pedestal]))
        self.lower_bound = LowerBound((minimum + pedestal) ** 0.5)

    def init(self, x: Tensor) -> Tensor:
        """The stored parameter that stands for the value `x` (>= 0)."""
        return torch.sqrt(torch.max(x + self.pedestal, self.pedestal))

    def forward(self, x: Tensor) -> Tensor:
        return self.lower_bound(x) ** 2 - self.pedestal
