# SPDX-License-Identifier: Apache-2.0
"""Pictures to overlapping blocks and back: a lapped transform to begin with, and what a network adds to it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.layers.level_table import LevelTable
from tinify.layers.native import fast_inference
from tinify.layers.residual import ResidualBlock
from tinify.transforms.block_dct import zigzag
from tinify.transforms.patch import dct_basis

BLOCK = 8
_HALF = BLOCK // 2
_CORRELATION = 0.95  # of neighbours, for which the functions are the best


def lapped_basis() -> Tensor:
    """The orthonormal lapped transform of blocks of 8 that reaches over 16: (16, 8), a function a column, low to high.

    Source: Malvar, Staelin 1989, "The LOT: transform coding without blocking effects".
    """
    dct = dct_basis(BLOCK).t().double()
    difference = dct[:, 0::2] - dct[:, 1::2]
    mirrored = difference.flip(0)
    even, odd = torch.cat((difference, mirrored)) / 2, torch.cat((difference, -mirrored)) / 2
    distance = torch.arange(2 * BLOCK)[:, None] - torch.arange(2 * BLOCK)
    _, turned = torch.linalg.eigh(odd.t() @ (_CORRELATION ** distance.abs().double()) @ odd)
    odd = odd @ turned.flip(1)
    return torch.stack((even, odd), 2).flatten(1).float()


def planes(counts: tuple[int, int, int]) -> list[tuple[int, int, int]]:
    """`(colour, down, across)` of each channel of a latent that has so many frequencies of brightness and of the two
    colour differences: the lowest of all three first."""
    if not all(1 <= count <= BLOCK**2 for count in counts):
        raise ConfigError(f"frequencies {counts}; allowed: 1 to {BLOCK**2} each")
    order = [divmod(int(plane), BLOCK) for plane in zigzag(BLOCK)]
    ranked = [(rank / count, colour, *order[rank]) for colour, count in enumerate(counts) for rank in range(count)]
    return [entry[1:] for entry in sorted(ranked)]


def lapped_weight(counts: tuple[int, int, int]) -> Tensor:
    """(sum of counts, 3 * 64, 2, 2): the transform over a picture's blocks, four of which it reaches into.

    Colours are the orthonormal DCT of R, G, B: their sum and two differences."""
    basis, colours = lapped_basis().view(2, BLOCK, BLOCK), dct_basis(3)
    functions = [
        torch.einsum("c,ai,bj->cijab", colours[colour], basis[:, :, down], basis[:, :, across])
        for colour, down, across in planes(counts)
    ]
    return torch.stack(functions).flatten(1, 3)


class LappedAnalysis(nn.Module):
    """x (B, 3, H, W) in [0, 1], H and W multiples of 8 -> y (B, sum of counts, H / 8, W / 8).

        x ─► blocks ─► lapped transform ──────────────────────────────┬─► y
                 └───► 2x2, width ─► + level ─► residual blocks ─► 1x1 ┘

    Begins as a lapped transform, orthonormal, with DCTs of the colours, and learns the rest: the transform itself, and
    the network beside it, which begins at zero. `level` (number, or (B,)) is the rate that is aimed at.
    """

    def __init__(self, counts: tuple[int, int, int], width: int, blocks: int, levels: int):
        super().__init__()
        channels, pixels = sum(counts), 3 * BLOCK**2
        self.linear = nn.Conv2d(pixels, channels, 2)
        self.inside = nn.Conv2d(pixels, width, 2)
        self.level = LevelTable(levels, width)
        self.trunk = nn.Sequential(*(ResidualBlock(width, width) for _ in range(blocks)))
        self.out = nn.Conv2d(width, channels, 1)
        with torch.no_grad():
            self.linear.weight.copy_(lapped_weight(counts))
        for zero in (self.linear.bias, self.out.weight, self.out.bias):
            nn.init.zeros_(zero)

    def forward(self, x: Tensor, level: float | Tensor | None = None) -> Tensor:
        whole = F.pad(x - 0.5, (_HALF,) * 4, mode="replicate")
        pixels = F.pixel_unshuffle(whole, BLOCK).contiguous(memory_format=torch.channels_last)
        inside = self.inside(pixels) + self.level(level)
        return self.linear(pixels) + self.out(fast_inference(self.trunk)(inside))


class LappedSynthesis(nn.Module):
    """y_hat (B, sum of counts, h, w) -> x_hat (B, 3, 8 h, 8 w), the mirror of `LappedAnalysis`.

        y_hat ─┬────────────────────────────────────────────────┬─► lapped transform ─► blocks ─► x_hat
               └─► 3x3, width ─► + level ─► residual blocks ─► 1x1 ┘

    Its network knows the step of quantization by `level`, so it can put back what rounding took.
    """

    def __init__(self, counts: tuple[int, int, int], width: int, blocks: int, levels: int):
        super().__init__()
        channels, pixels = sum(counts), 3 * BLOCK**2
        self.inside = nn.Conv2d(channels, width, 3, padding=1)
        self.level = LevelTable(levels, width)
        self.trunk = nn.Sequential(*(ResidualBlock(width, width) for _ in range(blocks)))
        self.linear = nn.Conv2d(channels, pixels, 2)
        self.out = nn.Conv2d(width, pixels, 2)
        with torch.no_grad():
            self.linear.weight.copy_(lapped_weight(counts).flip(2, 3).transpose(0, 1))
        for zero in (self.linear.bias, self.out.weight, self.out.bias):
            nn.init.zeros_(zero)

    def forward(self, y_hat: Tensor, level: float | Tensor | None = None) -> Tensor:
        y_hat = y_hat.contiguous(memory_format=torch.channels_last)
        inside = fast_inference(self.trunk)(self.inside(y_hat) + self.level(level))
        pixels = self.linear(_bordered(y_hat)) + self.out(_bordered(inside))
        return F.pixel_shuffle(pixels, BLOCK)[:, :, _HALF:-_HALF, _HALF:-_HALF] + 0.5


def _bordered(y: Tensor) -> Tensor:
    """Blocks beyond the border are like those at it."""
    return F.pad(y, (1,) * 4, mode="replicate")
