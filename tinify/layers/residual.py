# SPDX-License-Identifier: Apache-2.0
"""Residual blocks: what a few convolutions add to their input."""

from __future__ import annotations

from torch import Tensor, nn

from tinify.layers.convolutions import conv1x1, conv3x3, subpel_conv3x3
from tinify.layers.gdn import GDN


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions: (B, in_ch, H, W) -> (B, out_ch, H, W).

        x -> conv1 -> leaky ReLU -> conv2 -> leaky ReLU -> + ->
        '----------- skip, a 1x1 where in_ch != out_ch ----'

    Source: He et al. 2016, arXiv:1512.03385; Cheng et al. 2020, arXiv:2001.01568.
    """

    def __init__(self, in_ch: int, out_ch: int):
        super().__init__()
        self.conv1 = conv3x3(in_ch, out_ch)
        self.leaky_relu = nn.LeakyReLU(inplace=True)
        self.conv2 = conv3x3(out_ch, out_ch)
        self.skip = conv1x1(in_ch, out_ch) if in_ch != out_ch else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.leaky_relu(self.conv2(self.leaky_relu(self.conv1(x))))
        return out + (x if self.skip is None else self.skip(x))


class ResidualBlockWithStride(nn.Module):
    """A residual block whose first convolution strides: (B, in_ch, H, W) -> (B, out_ch, H/stride, W/stride).

        x -> conv1, stride -> leaky ReLU -> conv2 -> GDN -> + ->
        '------------- skip, a 1x1 with stride -------------'

    Source: Cheng et al. 2020, arXiv:2001.01568.
    """

    def __init__(self, in_ch: int, out_ch: int, stride: int = 2):
        super().__init__()
        self.conv1 = conv3x3(in_ch, out_ch, stride=stride)
        self.leaky_relu = nn.LeakyReLU(inplace=True)
        self.conv2 = conv3x3(out_ch, out_ch)
        self.gdn = GDN(out_ch)
        self.skip = conv1x1(in_ch, out_ch, stride=stride) if stride != 1 or in_ch != out_ch else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.gdn(self.conv2(self.leaky_relu(self.conv1(x))))
        return out.add_(x if self.skip is None else self.skip(x))


class ResidualBlockUpsample(nn.Module):
    """A residual block that enlarges: (B, in_ch, H, W) -> (B, out_ch, upsample H, upsample W).

        x -> subpel_conv -> leaky ReLU -> conv -> inverse GDN -> + ->
        '-------------- upsample, a subpel_conv3x3 --------------'

    Source: Cheng et al. 2020, arXiv:2001.01568; subpixels: Shi et al. 2016, arXiv:1609.05158.
    """

    def __init__(self, in_ch: int, out_ch: int, upsample: int = 2):
        super().__init__()
        self.subpel_conv = subpel_conv3x3(in_ch, out_ch, upsample)
        self.leaky_relu = nn.LeakyReLU(inplace=True)
        self.conv = conv3x3(out_ch, out_ch)
        self.igdn = GDN(out_ch, inverse=True)
        self.upsample = subpel_conv3x3(in_ch, out_ch, upsample)

    def forward(self, x: Tensor) -> Tensor:
        out = self.igdn(self.conv(self.leaky_relu(self.subpel_conv(x))))
        return out.add_(self.upsample(x))


class ResidualBottleneckBlock(nn.Module):
    """A 3x3 convolution among half of the channels: (B, in_ch, H, W) -> (B, out_ch, H, W).

        x -> conv1, 1x1 -> ReLU -> conv2, 3x3 -> ReLU -> conv3, 1x1 -> + ->
        '--------------- skip, a 1x1 where in_ch != out_ch -----------'

    Source: He et al. 2016, arXiv:1512.03385; in ELIC: He et al. 2022, arXiv:2203.10886.
    """

    def __init__(self, in_ch: int, out_ch: int):
        super().__init__()
        middle = min(in_ch, out_ch) // 2
        self.conv1 = conv1x1(in_ch, middle)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(middle, middle)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv3 = conv1x1(middle, out_ch)
        self.skip = conv1x1(in_ch, out_ch) if in_ch != out_ch else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3(self.relu2(self.conv2(self.relu1(self.conv1(x))))).add_(self.skip(x))
