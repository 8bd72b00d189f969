# SPDX-License-Identifier: Apache-2.0
"""Convolutions whose parameter is the spectrum of their kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class _SpectralWeight:
    """Keeps `weight_transformed`, the real discrete Fourier transform (orthonormal) of `weight` over its two axes.

    A step of the optimiser then changes all frequencies alike, which is what Adam's scaling by coordinate asks for.
    """

    weight_transformed: nn.Parameter
    kernel_size: tuple[int, int]

    def _transform_weight(self) -> None:
        weight = self._parameters.pop("weight")
        self.weight_transformed = nn.Parameter(torch.fft.rfft2(weight.detach(), norm="ortho"))
        self._weight_dtype = weight.dtype

    @property
    def weight(self) -> Tensor:
        kernel = torch.fft.irfft2(self.weight_transformed, s=self.kernel_size, norm="ortho")
        return kernel.to(self._weight_dtype)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
        # `.double()` would leave a complex parameter as it is, and `.to(float64)` would drop its imaginary part.
        def apply(tensor: Tensor) -> Tensor:
            if not tensor.is_complex():
                return fn(tensor)
            parts = fn(torch.view_as_real(tensor).flatten().to(self._weight_dtype))
            self._weight_dtype = parts.dtype
            if parts.dtype not in (torch.float32, torch.float64):
                parts = parts.float()  # there are no complex bfloat16, nor transforms of complex halves on a CPU
            return torch.view_as_complex(parts.view(*tensor.shape, 2))

        return super()._apply(apply, recurse)


class SpectralConv2d(_SpectralWeight, nn.Conv2d):
    """`nn.Conv2d`, its arguments and its numbers, with the spectrum of the kernel as parameter `weight_transformed`.

    Shapes: (B, in, H, W) -> (B, out, H', W'). Source: Ballé 2018, "Efficient Nonlinear Transforms for Lossy Image
    Compression", arXiv:1802.00847.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._transform_weight()


class SpectralConvTranspose2d(_SpectralWeight, nn.ConvTranspose2d):
    """`nn.ConvTranspose2d`, as SpectralConv2d. Source: Ballé 2018, arXiv:1802.00847."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._transform_weight()
