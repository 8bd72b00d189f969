# SPDX-License-Identifier: Apache-2.0
"""Attention of convolutions: a picture of weights in [0, 1] for the features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tinify.layers.convolutions import conv1x1, conv3x3


class AttentionBlock(nn.Module):
    """Features that a learned mask lets through, added to the input: (B, N, H, W) -> the same.

        x -> conv_a: 3 residual units -----------------------> * -> + ->
        |--> conv_b: 3 residual units -> 1x1 -> sigmoid -------'    |
        '-----------------------------------------------------------'

    Source: Cheng et al. 2020, arXiv:2001.01568, without its non-local part.
    """

    def __init__(self, N: int):
        super().__init__()
        self.conv_a = nn.Sequential(*[_ResidualUnit(N) for _ in range(3)])
        self.conv_b = nn.Sequential(*[_ResidualUnit(N) for _ in range(3)], conv1x1(N, N))

    def forward(self, x: Tensor) -> Tensor:
        return (self.conv_a(x) * torch.sigmoid(self.conv_b(x))).add_(x)


class _ResidualUnit(nn.Module):
    def __init__(self, N: int):
        super().__init__()
        half = N // 2
        self.conv = nn.Sequential(
            conv1x1(N, half), nn.ReLU(inplace=True), conv3x3(half, half), nn.ReLU(inplace=True), conv1x1(half, N)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x).add_(x))
