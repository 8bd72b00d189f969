# SPDX-License-Identifier: Apache-2.0
"""The native layers that image transforms are made of: channels-last in and out, in memory that is used again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tinify import _core
from tinify.layers.convolutions import Pointwise, SubpixelDeconv
from tinify.layers.gdn import GDN

_MULTIPLE, _MOST = 16, 4096  # of channels


class Room:
    """Memory for the activations of one call: what a layer has read serves a later one.

    Tensors are (B, C, H, W) in channels-last layout.
    """

    def __init__(self) -> None:
        self._free: list[Tensor] = []
        self._taken: dict[int, Tensor] = {}

    def take(self, batch: int, channels: int, height: int, width: int) -> Tensor:
        """A tensor of any values."""
        size = batch * channels * height * width
        fitting = [flat for flat in self._free if flat.numel() >= size]
        if fitting:
            flat = min(fitting, key=torch.numel)
            self._free = [other for other in self._free if other is not flat]
        else:
            flat = torch.empty(size)
        self._taken[flat.data_ptr()] = flat
        return flat[:size].view(batch, height, width, channels).permute(0, 3, 1, 2)

    def owns(self, x: Tensor) -> bool:
        """Whether x may be written over."""
        return x.data_ptr() in self._taken

    def give(self, x: Tensor) -> None:
        """x is read no more. What is not of here, or is kept, stays as it is."""
        flat = self._taken.pop(x.data_ptr(), None)
        if flat is not None:
            self._free.append(flat)

    @contextmanager
    def kept(self, x: Tensor) -> Iterator[None]:
        """x is neither written over nor given back meanwhile."""
        flat = self._taken.pop(x.data_ptr(), None)
        try:
            yield
        finally:
            if flat is not None:
                self._taken[flat.data_ptr()] = flat

    def result(self, y: Tensor) -> Tensor:
        """y for the caller, in memory of its own size."""
        flat = self._taken.get(y.data_ptr())
        return y if flat is None or flat.numel() == y.numel() else y.clone()


class Convolution:
    """A convolution and what follows it: a bend (leaky ReLU), a normalisation, a sum, another bend.

    y = after(gdn(bend(conv(x))) + add)
    """

    def __init__(self, native, channels: int, up: int = 1, down: int = 1):
        self.native, self.channels, self.up, self.down = native, channels, up, down
        self.planar = isinstance(native, _core.PictureConv)  # the input is a picture, not features
        self.slope = 1.0
        self.gdn: _core.GdnLayer | None = None

    def take(self, layer: nn.Module) -> bool:
        """Does what `layer` does, too, from now on; False where it cannot."""
        if self.gdn is not None or self.slope != 1:
            return False
        slope = slope_of(layer)
        if slope is not None:
            self.slope = slope
            return True
        if type(layer) is not GDN or layer.beta.numel() != self.channels:
            return False
        gamma, beta = layer.gamma_reparam(layer.gamma), layer.beta_reparam(layer.beta)
        self.gdn = _core.GdnLayer(gamma.detach().contiguous(), beta.detach().contiguous(), layer.inverse)
        return True

    def __call__(self, x: Tensor, room: Room, add: Tensor | None = None, after: float = 1.0) -> Tensor:
        """`add` is of y's shape; y takes its memory where the room owns it and nothing comes between."""
        batch, _, height, width = x.shape
        size = [-(-side * self.up // self.down) for side in (height, width)]
        y = add if add is not None and self.gdn is None and room.owns(add) else room.take(batch, self.channels, *size)
        x = x.detach().contiguous() if self.planar else _rows(x)
        added = None if add is None else _rows(add)
        self.native.run(x, _rows(y), self.gdn, torch.get_num_threads(), self.slope, added, after)
        return y


class ToPicture:
    """A transposed convolution to at most three channels: planar out."""

    def __init__(self, layer: nn.ConvTranspose2d):
        self.native = _core.PictureDeconv(*_weight_and_bias(layer))
        self.channels = layer.out_channels

    def __call__(self, x: Tensor, room: Room) -> Tensor:
        batch, _, height, width = x.shape
        y = x.new_empty(batch, self.channels, 2 * height, 2 * width)
        self.native.run(_rows(x), y, torch.get_num_threads())
        return y


def gate(a: Tensor, b: Tensor, x: Tensor) -> None:
    """x += a * sigmoid(b), of tensors of a room."""
    _core.gate(_rows(a), _rows(b), _rows(x), torch.get_num_threads())


def slope_of(layer: nn.Module) -> float | None:
    """What an activation multiplies negative numbers by; None for other layers."""
    if type(layer) is nn.ReLU:
        return 0.0
    return float(layer.negative_slope) if type(layer) is nn.LeakyReLU else None


def convolution(layer: nn.Module) -> Convolution | ToPicture | None:
    """The native equal of a convolution of an image transform, None where there is none."""
    if type(layer) not in (nn.Conv2d, Pointwise, nn.ConvTranspose2d, SubpixelDeconv):
        return None
    size, stride = layer.kernel_size[0], layer.stride[0]
    square = (size, size), (stride, stride), (size // 2, size // 2), (1, 1)
    if (layer.kernel_size, layer.stride, layer.padding, layer.dilation) != square:
        return None
    if layer.groups != 1 or layer.padding_mode != "zeros" or max(layer.weight.shape) > _MOST:
        return None
    return _deconvolution(layer) if isinstance(layer, nn.ConvTranspose2d) else _convolution(layer)


def shuffled(layer: nn.Module, shuffle: nn.Module) -> Convolution | None:
    """The native equal of a 3x3 convolution and a pixel shuffle after it, None where there is none."""
    filters = layer.out_channels if type(layer) is nn.Conv2d else 0
    found = convolution(layer) if filters and filters % (4 * _MULTIPLE) == 0 else None
    if found is None or type(shuffle) is not nn.PixelShuffle or shuffle.upscale_factor != 2:
        return None
    if layer.kernel_size != (3, 3) or layer.stride != (1, 1) or found.planar:
        return None
    return Convolution(_winograd(layer, "shuffle"), filters // 4, up=2)


def _convolution(layer: nn.Conv2d) -> Convolution | None:
    size, stride = layer.kernel_size[0], layer.stride[0]
    if layer.out_channels % _MULTIPLE:
        return None
    if layer.in_channels % _MULTIPLE:
        if size not in (1, 3, 5) or stride != 2:
            return None
        return Convolution(_core.PictureConv(*_weight_and_bias(layer)), layer.out_channels, down=2)
    if size == 1 and stride in (1, 2):
        native = _core.PointwiseConv(*_weight_and_bias(layer), stride)
    elif (size, stride) in ((3, 1), (3, 2), (5, 2)):
        native = _winograd(layer, "same" if stride == 1 else "halve")
    else:
        return None
    return Convolution(native, layer.out_channels, down=stride)


def _deconvolution(layer: nn.ConvTranspose2d) -> Convolution | ToPicture | None:
    if (layer.kernel_size, layer.stride, layer.output_padding) != ((5, 5), (2, 2), (1, 1)):
        return None
    if layer.in_channels % _MULTIPLE == 0 and layer.out_channels % _MULTIPLE == 0:
        return Convolution(_winograd(layer, "double"), layer.out_channels, up=2)
    return ToPicture(layer) if layer.out_channels <= 3 else None


def _winograd(layer: nn.Conv2d | nn.ConvTranspose2d, kind: str):
    return _core.WinogradConv(*_weight_and_bias(layer), kind, torch.get_num_threads())


def _weight_and_bias(layer: nn.Conv2d | nn.ConvTranspose2d) -> tuple[Tensor, Tensor]:
    bias = torch.zeros(layer.out_channels) if layer.bias is None else layer.bias.detach()
    return layer.weight.detach().contiguous(), bias.contiguous()


def _rows(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H, W, C), the same memory where x is channels-last."""
    return x.detach().permute(0, 2, 3, 1).contiguous()
