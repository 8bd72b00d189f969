# SPDX-License-Identifier: Apache-2.0
"""Temporal convolutions: dilated residual blocks under weight normalisation, and ways down and up in sampling rate."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from tinify.errors import ConfigError

UPSAMPLING = ("transposed", "interpolate")


class WeightNormConv1d(nn.Conv1d):
    """A convolution whose kernels have a direction, `weight`, and a length of their own, `gain` (channels out,).

    Source: Salimans, Kingma 2016, "Weight normalization", arXiv:1602.07868.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.gain = nn.Parameter(self.weight.detach().flatten(1).norm(dim=1))

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain / self.weight.flatten(1).norm(dim=1)
        return self._conv_forward(x, self.weight * scale[:, None, None], self.bias)


class TemporalBlock(nn.Module):
    """x (N, channels_in, T) -> (N, channels_out, T): two dilated convolutions with ReLU, and what came in added.

        x ─►─┬─ conv ─ ReLU ─ conv ─ ReLU ─(+)─►
             └──────── (1x1) ───────────────┘

    `causal`: step t sees steps up to t; otherwise as many to either side. Source: Bai, Kolter, Koltun 2018,
    arXiv:1803.01271. Differs: no ReLU after the sum, no dropout.
    """

    def __init__(self, channels_in: int, channels_out: int, kernel: int = 3, dilation: int = 1, causal: bool = False):
        super().__init__()
        if kernel < 2 or dilation < 1:
            raise ConfigError(f"kernel {kernel}, dilation {dilation}; allowed: a kernel of 2 or more, 1 or more")
        reach = (kernel - 1) * dilation
        self.padding = (reach, 0) if causal else (reach // 2, reach - reach // 2)
        self.first = WeightNormConv1d(channels_in, channels_out, kernel, dilation=dilation)
        self.second = WeightNormConv1d(channels_out, channels_out, kernel, dilation=dilation)
        self.match = nn.Conv1d(channels_in, channels_out, 1) if channels_in != channels_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first(F.pad(x, self.padding)))
        return self.match(x) + F.relu(self.second(F.pad(y, self.padding)))


class TemporalDown(nn.Module):
    """x (N, channels_in, T) -> (N, channels_out, T / stride), T a multiple of stride: one strided convolution of
    twice the stride, which sees half a step to either side."""

    def __init__(self, channels_in: int, channels_out: int, stride: int):
        super().__init__()
        self.padding = (stride - stride // 2, stride // 2)
        self.conv = WeightNormConv1d(channels_in, channels_out, 2 * stride, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.padding))


class TemporalUp(nn.Module):
    """x (N, channels_in, T) -> (N, channels_out, T * stride): the mirror of `TemporalDown`.

    "transposed": one transposed convolution of twice the stride. "interpolate": linear interpolation, then a
    convolution of three steps; costlier, and without a pattern of the stride.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int, upsampling: str = "transposed"):
        super().__init__()
        if upsampling not in UPSAMPLING:
            raise ConfigError(f'upsampling is "{upsampling}"; allowed: {", ".join(UPSAMPLING)}')
        self.stride = int(stride)
        if upsampling == "transposed":
            self.conv = nn.ConvTranspose1d(channels_in, channels_out, 2 * stride, stride=stride)
        else:
            self.conv = WeightNormConv1d(channels_in, channels_out, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[2] * self.stride
        if isinstance(self.conv, nn.ConvTranspose1d):
            start = self.stride - self.stride // 2
            return self.conv(x)[:, :, start : start + length]
        return self.conv(F.interpolate(x, scale_factor=self.stride, mode="linear"))
