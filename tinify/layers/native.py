# SPDX-License-Identifier: Apache-2.0
"""Image transforms on the native 5x5 stride-2 layers: the same sums as torch's, several times faster on a CPU.

`fast_inference(g_a)(x)` is `g_a(x)` up to float32 rounding, whatever the number of threads. Torch computes it where a
gradient may be wanted, under autocast, compilation or tracing, with hooks, on another device or type, and for pictures
too small to gain. `TINIFY_NATIVE_TRANSFORMS=0` in the environment leaves everything to torch.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

from tinify import _core
from tinify.layers.convolutions import SubpixelDeconv
from tinify.layers.gdn import GDN
from tinify.layers.prepared import Prepared

_ENABLED = os.environ.get("TINIFY_NATIVE_TRANSFORMS", "1") != "0" and hasattr(_core, "WinogradConv")
# For one picture with fewer pixels, transforming the weights costs more than it saves. The batch does not count: a
# picture gives the same bits alone and among others.
_MINIMUM_PIXELS = 128 * 128
_MULTIPLE = 16  # of channels


def fast_inference(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """`module`, or for an `nn.Sequential` of image layers a faster equal of it: (B, C, H, W) -> what `module` gives.

    The transformed weights live as long as the module and are made anew when its weights have changed.
    """
    return _Fast(module) if _ENABLED and isinstance(module, nn.Sequential) else module


class _Fast:
    def __init__(self, module: nn.Sequential):
        self.module = module

    def __call__(self, x: Tensor) -> Tensor:
        if not _suits(self.module, x):
            return self.module(x)
        return _PLANS(self.module)(x)


class _Plan:
    """The layers of a Sequential, native where they can be."""

    def __init__(self, module: nn.Sequential):
        self.steps: list[Callable[[Tensor], Tensor]] = []
        for layer in module:
            previous = self.steps[-1] if self.steps else None
            if type(layer) is GDN and isinstance(previous, _Convolution) and previous.take(layer):
                continue
            self.steps.append(_native(layer) or layer)

    def __call__(self, x: Tensor) -> Tensor:
        for step in self.steps:
            x = step(x)
        return x


_PLANS = Prepared(_Plan)


class _Convolution:
    """A convolution, forward or transposed, with the normalisation that follows it: channels-last out."""

    def __init__(self, layer: nn.Conv2d | nn.ConvTranspose2d):
        transposed = isinstance(layer, nn.ConvTranspose2d)
        weight, bias = _weight_and_bias(layer)
        self.planar = layer.in_channels % _MULTIPLE != 0  # the input is a picture, not features
        if self.planar:
            self.native = _core.PictureConv(weight, bias)
        else:
            self.native = _core.WinogradConv(weight, bias, transposed, torch.get_num_threads())
        self.scale = (lambda size: 2 * size) if transposed else (lambda size: (size + 1) // 2)
        self.channels = layer.out_channels
        self.gdn: _core.GdnLayer | None = None

    def take(self, layer: GDN) -> bool:
        """Normalises as `layer` does from now on; False where it cannot."""
        if self.gdn is not None or layer.beta.numel() != self.channels:
            return False
        gamma, beta = layer.gamma_reparam(layer.gamma), layer.beta_reparam(layer.beta)
        self.gdn = _core.GdnLayer(gamma.detach().contiguous(), beta.detach().contiguous(), layer.inverse)
        return True

    def __call__(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        y = x.new_empty(batch, self.scale(height), self.scale(width), self.channels)
        x = x.contiguous() if self.planar else x.permute(0, 2, 3, 1).contiguous()
        self.native.run(x.detach(), y, self.gdn, torch.get_num_threads())
        return y.permute(0, 3, 1, 2)


class _ToPicture:
    """A transposed convolution to at most three channels."""

    def __init__(self, layer: nn.ConvTranspose2d):
        self.native = _core.PictureDeconv(*_weight_and_bias(layer))
        self.channels = layer.out_channels

    def __call__(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        y = x.new_empty(batch, self.channels, 2 * height, 2 * width)
        self.native.run(x.detach().permute(0, 2, 3, 1).contiguous(), y, torch.get_num_threads())
        return y


def _native(layer: nn.Module) -> Callable[[Tensor], Tensor] | None:
    """The native equal of a 5x5 stride-2 layer, None where there is none."""
    kinds = (nn.Conv2d, nn.ConvTranspose2d, SubpixelDeconv)
    if type(layer) not in kinds or not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return None
    square = (layer.kernel_size, layer.stride, layer.padding, layer.dilation) == ((5, 5), (2, 2), (2, 2), (1, 1))
    if not square or layer.groups != 1 or layer.padding_mode != "zeros":
        return None
    whole_in, whole_out = layer.in_channels % _MULTIPLE == 0, layer.out_channels % _MULTIPLE == 0
    if isinstance(layer, nn.Conv2d):
        return _Convolution(layer) if whole_out else None
    if layer.output_padding != (1, 1):
        return None
    if whole_in and whole_out:
        return _Convolution(layer)
    return _ToPicture(layer) if layer.out_channels <= 3 else None


def _weight_and_bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.detach()
    return layer.weight.detach().contiguous(), bias.contiguous()


def _suits(module: nn.Sequential, x: Tensor) -> bool:
    traced = torch.compiler.is_compiling() or torch.jit.is_tracing()
    if torch.is_grad_enabled() or torch.is_autocast_enabled("cpu") or traced:
        return False
    if not _is_plain(x) or x.dim() != 4 or x.numel() == 0 or _picture_pixels(module, x) < _MINIMUM_PIXELS:
        return False
    hooked = any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    return not hooked and all(_is_plain(p) for p in module.parameters())


def _is_plain(x: Tensor) -> bool:
    return type(x) in (Tensor, nn.Parameter) and x.device.type == "cpu" and x.dtype == torch.float32


def _picture_pixels(module: nn.Sequential, x: Tensor) -> int:
    """Pixels of one picture on the larger side of the transform: its input's, or its output's where it enlarges."""
    growth = 1
    for layer in module:
        if isinstance(layer, nn.ConvTranspose2d):
            growth *= layer.stride[0] * layer.stride[1]
    return x.shape[2] * x.shape[3] * growth
