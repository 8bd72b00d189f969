# SPDX-License-Identifier: Apache-2.0
"""Neural building blocks."""

from tinify.layers.attention import AttentionBlock
from tinify.layers.channel_ramp import sequential_channel_ramp
from tinify.layers.convolutions import conv, conv1x1, conv3x3, deconv, subpel_conv3x3
from tinify.layers.gdn import GDN, GDN1
from tinify.layers.masked import CheckerboardMaskedConv2d, MaskedConv2d
from tinify.layers.qrelu import QReLU, QuantizedReLU
from tinify.layers.residual import (
    ResidualBlock,
    ResidualBlockUpsample,
    ResidualBlockWithStride,
    ResidualBottleneckBlock,
)
from tinify.layers.spectral import SpectralConv2d, SpectralConvTranspose2d

__all__ = [
    "GDN",
    "GDN1",
    "AttentionBlock",
    "CheckerboardMaskedConv2d",
    "MaskedConv2d",
    "QReLU",
    "QuantizedReLU",
    "ResidualBlock",
    "ResidualBlockUpsample",
    "ResidualBlockWithStride",
    "ResidualBottleneckBlock",
    "SpectralConv2d",
    "SpectralConvTranspose2d",
    "conv",
    "conv1x1",
    "conv3x3",
    "deconv",
    "sequential_channel_ramp",
    "subpel_conv3x3",
]
