# SPDX-License-Identifier: Apache-2.0
"""The strided convolutions that image transforms are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Up to this many output channels a transposed convolution leaves most of a vector register empty.
_FEW_CHANNELS = 8


def conv(in_channels: int, out_channels: int, kernel_size: int = 5, stride: int = 2) -> nn.Conv2d:
    """Convolution that divides height and width by `stride`: (B, in, H, W) -> (B, out, H/stride, W/stride)."""
    return nn.Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=kernel_size // 2)


def deconv(in_channels: int, out_channels: int, kernel_size: int = 5, stride: int = 2) -> nn.ConvTranspose2d:
    """Transposed convolution that multiplies height and width by `stride`, the shape inverse of `conv`."""
    few = out_channels <= _FEW_CHANNELS and kernel_size % 2 == 1 and stride > 1
    return (SubpixelDeconv if few else nn.ConvTranspose2d)(
        in_channels, out_channels, kernel_size, stride=stride, output_padding=stride - 1, padding=kernel_size // 2
    )


def conv1x1(in_ch: int, out_ch: int, stride: int = 1) -> nn.Conv2d:
    """A matrix for each position: (B, in, H, W) -> (B, out, H / stride, W / stride)."""
    return (Pointwise if stride > 1 else nn.Conv2d)(in_ch, out_ch, kernel_size=1, stride=stride)


class Pointwise(nn.Conv2d):
    """A 1x1 convolution that leaves out the positions between strides first.

    Some builds of oneDNN write beyond the weight's gradient of a strided 1x1 convolution in channels-last layout.
    """

    def forward(self, input: Tensor) -> Tensor:
        down, across = self.stride
        return F.conv2d(input[..., ::down, ::across], self.weight, self.bias)


def conv3x3(in_ch: int, out_ch: int, stride: int = 1) -> nn.Conv2d:
    """Convolution with a border of one zero: (B, in, H, W) -> (B, out, H/stride, W/stride)."""
    return nn.Conv2d(in_ch, out_ch, kernel_size=3, stride=stride, padding=1)


def subpel_conv3x3(in_ch: int, out_ch: int, r: int = 1) -> nn.Sequential:
    """Convolution that gives the r x r pixels of a block as channels: (B, in, H, W) -> (B, out, r H, r W)."""
    return nn.Sequential(conv3x3(in_ch, out_ch * r**2), nn.PixelShuffle(r))


class SubpixelDeconv(nn.ConvTranspose2d):
    """A `deconv` that computes the pixels of a stride as channels of one small convolution where no gradient is needed.

    Shapes: (B, in, H, W) -> (B, out, H stride, W stride). The same sums in another order: equal to float rounding.
    Source: Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?", arXiv:1609.07009.
    """

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if torch.is_grad_enabled() or output_size is not None or self.groups != 1:
            return super().forward(input, output_size)
        stride = self.stride[0]
        weight = subpixel_weight(self.weight, stride)
        bias = None if self.bias is None else self.bias.repeat_interleave(stride**2)
        return F.pixel_shuffle(F.conv2d(input, weight, bias, padding=weight.shape[-1] // 2), stride)


def subpixel_weight(weight: Tensor, stride: int) -> Tensor:
    """The kernel of the convolution that, followed by `pixel_shuffle(stride)`, does what `deconv` does.

    (in, out, K, K) of a transposed convolution with padding K // 2 -> (out * stride^2, in, T, T), T odd.
    """
    inputs, outputs, size = weight.shape[:3]
    # Output stride * i + phase takes the input at i + offset through tap phase + size // 2 - stride * offset.
    reach = (size // 2 + stride - 1) // stride
    offsets = torch.arange(-reach, reach + 1, device=weight.device)
    taps = torch.arange(stride, device=weight.device)[:, None] + size // 2 - stride * offsets
    padded = F.pad(weight, (0, 1, 0, 1))  # the tap behind the last is zero: for those out of the kernel's reach
    taps = torch.where((taps >= 0) & (taps < size), taps, size).flatten()
    picked = padded[:, :, taps][:, :, :, taps].reshape(inputs, outputs, stride, len(offsets), stride, len(offsets))
    return picked.permute(1, 2, 4, 0, 3, 5).reshape(outputs * stride**2, inputs, len(offsets), len(offsets))
