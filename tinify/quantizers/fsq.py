# SPDX-License-Identifier: Apache-2.0
"""Finite scalar quantization: a few bounded numbers, each rounded to a few levels, are one token."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from tinify.errors import ConfigError
from tinify.ops import quantize_ste
from tinify.quantizers.projected import ProjectedGrid

_LEVELS = ((2**6, (8, 8)), (2**8, (8, 6, 5)), (2**10, (8, 5, 5, 5)), (2**12, (7, 5, 5, 5, 5)))
_EDGE = 1e-3  # how far beyond the outermost level the tanh reaches, in levels


class FiniteScalarQuantizer(ProjectedGrid):
    """Each of d numbers goes through a tanh onto `levels[i]` even levels; the token is their mixed-radix number.

        y (..., D) -> plane (..., d) -> tanh -> rounded -> sum_i digit_i * levels[0] * ... * levels[i - 1] -> token

    Without `levels`, those of the paper's table for the largest size that `codebook_size` allows are taken, so the
    codebook may be a little smaller than asked for (240 of 256). There is no codebook to collapse.

    Source: Mentzer, Minnen, Agustsson, Tschannen 2023, "Finite scalar quantization", arXiv:2309.15505; differs from the
    paper in the plane, which lets few numbers stand for a wider vector, and in the bits that may be weighed.
    """

    levels: Tensor

    def __init__(self, dim: int, codebook_size: int = 256, levels: Sequence[int] | None = None):
        sizes = tuple(levels) if levels else _levels_for(codebook_size, dim)
        if any(size < 2 for size in sizes) or prod(sizes) > codebook_size:
            raise ConfigError(f"levels are {list(sizes)}; allowed: at least 2 each, and {codebook_size} codes in all")
        # Level j of L lies at (2 j - L + 1) / (L - 1): evenly from -1 to 1.
        digits = _digits(torch.arange(prod(sizes)), torch.tensor(sizes))
        super().__init__(dim, 2 * digits / (torch.tensor(sizes) - 1) - 1)
        self.register_buffer("levels", torch.tensor(sizes))

    def point(self, z: Tensor) -> Tensor:
        top = self.levels - 1
        position = 0.5 * (top + 2 * _EDGE) * (torch.tanh(z) + 1) - _EDGE  # in [0, L - 1] and an edge
        return 2 * quantize_ste(position) / top - 1

    def number(self, point: Tensor) -> Tensor:
        digits = torch.round(0.5 * (point + 1) * (self.levels - 1)).long()
        return (digits.clamp_min(0).minimum(self.levels - 1) * _radix(self.levels)).sum(-1)


def _levels_for(codebook_size: int, dim: int) -> tuple[int, ...]:
    fitting = [levels for size, levels in _LEVELS if size <= codebook_size and len(levels) <= dim]
    if fitting:
        return fitting[-1]
    if codebook_size < 2:
        raise ConfigError(f"codebook_size is {codebook_size}; a finite scalar quantizer needs at least 2 codes")
    side = int(codebook_size**0.5)
    return (side, side) if side >= 2 and dim >= 2 else (codebook_size,)


def _radix(levels: Tensor) -> Tensor:
    return torch.cumprod(levels, 0) // levels


def _digits(tokens: Tensor, levels: Tensor) -> Tensor:
    return tokens[:, None] // _radix(levels) % levels
