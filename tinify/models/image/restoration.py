# SPDX-License-Identifier: Apache-2.0
"""A small network that brings decoded wavelet numbers closer to what they were before rounding."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.transforms.lifting import LiftingAnalysis, LiftingSynthesis

_PLANES = 12  # LL, HL, LH, HH of three components
_SOFT = 8.0  # steps from where on inputs are squeezed
_BLUR = 9  # numbers of LL along each axis whose mean is taken off
_ROOM = 0.4  # steps; half a cell, less what rounding samples may take
_STRIP = 1 << 18  # places that the network sees at a time


class WaveletRestoration(nn.Module):
    """y_hat (C=3, H, W), all subbands -> y_hat nearer to y, each number still within its cell of the quantizer.

        y_hat ──► LL, HL, LH, HH of level 1, in steps ──► less a local mean ──► 3x3 convolutions ──► + ──► within cells
                             │                            (12 planes, H/2 x W/2)      ▲              │
                             │                                        step ──► gains ─┘              │
                             └───────────────────────────────────────────────────────────────────────┘

    `width` channels; `depth` convolutions between the first and the last one. Each channel's gain and offset follow
    from the logarithm of the step, so one set of weights is for every rate. It runs after all bits are read: floats
    here can only shift what is shown. A network that was not trained changes nothing.

    Within their cells numbers round to the same symbols, so that a picture that is coded again stays as it is.

    Source: Zhang et al. 2018, "FFDNet", arXiv:1710.04026 (small planes, noise level as input); Perez et al. 2018,
    arXiv:1709.07871 (gains); cells: after Youla, Webb 1982 (projection onto convex sets).
    """

    def __init__(self, levels: int = 5, width: int = 64, depth: int = 4):
        super().__init__()
        if levels < 1 or not 4 <= width <= 256 or not 0 <= depth <= 16:
            raise ConfigError(f"levels is {levels}, width {width}, depth {depth}; allowed: from 1, 4 to 256, 0 to 16")
        self.levels, self.width, self.depth = levels, width, depth
        self.deep = LiftingSynthesis("9/7", levels - 1)
        self.deep_back = LiftingAnalysis("9/7", levels - 1)
        sizes = [_PLANES, *[width] * (depth + 1), _PLANES]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes))
        self.gains = nn.Sequential(nn.Linear(1, 32), nn.SiLU(), nn.Linear(32, 2 * width * (depth + 1)))
        for last in (self.convs[-1], self.gains[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, inputs: Tensor, rate: Tensor) -> Tensor:
        """What to add to planes, in steps, whose `inputs` are given (B, 12, H, W); `rate` (B,): log2 of the step."""
        gains = self.gains((rate[:, None] - 4) / 3).view(len(inputs), self.depth + 1, 2, self.width, 1, 1)
        x = inputs
        for number, conv in enumerate(self.convs[:-1]):
            gain, offset = gains[:, number].unbind(1)
            found = F.relu(conv(x) * (1 + gain) + offset)
            x = x + found if number else found
        return self.convs[-1](x).float()

    @torch.no_grad()
    def restore(self, y_hat: Tensor, symbols: Tensor, step: Tensor, room: float | None = None) -> Tensor:
        """y_hat (3, H, W) of `symbols` at `step` (3, 1, 1), restored; no number ends further than `room` steps from its
        symbol."""
        height, width = y_hat.shape[-2:]
        top, left = (height + 1) // 2, (width + 1) // 2
        planes = self.planes(y_hat / step)
        found = planes + self._corrections(planes, float(torch.log2(step[0])))
        y = torch.empty_like(y_hat)
        low, across, down, both = found.view(4, 3, top, left)
        y[:, :top, :left] = self.deep_back(low.contiguous())
        y[:, :top, left:] = across[:, :, : width - left]
        y[:, top:, :left] = down[:, : height - top]
        y[:, top:, left:] = both[:, : height - top, : width - left]
        room = _ROOM if room is None else room
        return torch.clamp(y, symbols - room, symbols + room).mul_(step)

    def planes(self, y: Tensor) -> Tensor:
        """LL, HL, LH, HH of level 1 (12, ceil(H / 2), ceil(W / 2)) of subbands y (3, H, W); zeros where one ends."""
        height, width = y.shape[-2:]
        top, left = (height + 1) // 2, (width + 1) // 2
        out = y.new_zeros(4, 3, top, left)
        out[0] = self.deep(y[:, :top, :left].contiguous())
        out[1, :, :, : width - left] = y[:, :top, left:]
        out[2, :, : height - top] = y[:, top:, :left]
        out[3, :, : height - top, : width - left] = y[:, top:, left:]
        return out.flatten(0, 1)

    def _corrections(self, planes: Tensor, rate: float) -> Tensor:
        """`forward` in strips, with gains folded into kernels, in bfloat16 where the processor has it."""
        kind, x = _number_type(), self.inputs(planes)[None]
        layers, halo = self._folded(rate, kind), len(self.convs)
        height, width = x.shape[-2:]
        rows, out = max(32, _STRIP // width), torch.empty_like(planes)
        for top in range(0, height, rows):
            first, last = max(0, top - halo), min(height, top + rows + halo)
            found = _run(layers, x[:, :, first:last].to(kind).contiguous(memory_format=torch.channels_last))
            out[:, top : top + rows] = found[0, :, top - first : min(height, top + rows) - first]
        return out

    def _folded(self, rate: float, kind: torch.dtype) -> list[tuple[Tensor, Tensor]]:
        """Kernel and bias of each convolution at a rate."""
        gains = self.gains(torch.tensor([[(rate - 4) / 3]])).view(self.depth + 1, 2, self.width)
        gains = F.pad(gains.transpose(0, 1).flatten(1), (0, _PLANES)).split(
            [*[self.width] * (self.depth + 1), _PLANES], 1
        )
        return [(conv.weight.mul(1 + gain[:, None, None, None]).to(kind).contiguous(memory_format=torch.channels_last),
                 conv.bias.mul(1 + gain).add(offset).to(kind))
                for conv, (gain, offset) in zip(self.convs, gains, strict=True)]  # fmt: skip

    @staticmethod
    def inputs(planes: Tensor) -> Tensor:
        """What the network sees of `planes` (12, H, W): LL less its mean over 9x9 numbers, and large ones squeezed."""
        mean = F.avg_pool2d(planes[None, :3], _BLUR, 1, _BLUR // 2, count_include_pad=False)[0]
        x = torch.cat((planes[:3] - mean, planes[3:]))
        return x.mul_(torch.rsqrt(1 + (x / _SOFT).square()))


def _run(layers: list[tuple[Tensor, Tensor]], x: Tensor) -> Tensor:
    for number, (kernel, bias) in enumerate(layers[:-1]):
        found = F.conv2d(x, kernel, bias, padding=1).relu_()
        x = found.add_(x) if number else found
    return F.conv2d(x, *layers[-1], padding=1).float()


@cache
def _number_type() -> torch.dtype:
    """bfloat16 where the processor multiplies matrices of it; elsewhere it would be slower than float32."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return torch.bfloat16 if supported() else torch.float32
