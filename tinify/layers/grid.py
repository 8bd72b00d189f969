# SPDX-License-Identifier: Apache-2.0
"""Inputs of a layer on a grid so coarse that float64 holds every sum exactly."""

from __future__ import annotations

from torch import Tensor, nn


def grid_of(layer: nn.Module) -> tuple[float, float, float] | None:
    """`(step of the weights, step of the inputs, largest input)` of a layer on a grid; None of another.

    They are powers of two; their exponents are in the buffer `grid` (3,) int16, which goes with the weights."""
    grid = getattr(layer, "grid", None)
    return None if grid is None else tuple(2.0 ** int(exponent) for exponent in grid)


def snap(x: Tensor, layer: nn.Module) -> Tensor:
    """Float64 inputs of a layer on a grid, on that grid; of another layer as they are."""
    grid = grid_of(layer)
    return x if grid is None else x.clamp(-grid[2], grid[2]).div_(grid[1]).round_().mul_(grid[1])
