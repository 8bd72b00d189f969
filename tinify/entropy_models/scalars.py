# SPDX-License-Identifier: Apache-2.0
"""Numbers of a latent and of its scales to the whole numbers that a coder takes."""

from __future__ import annotations

import torch
from torch import Tensor

from tinify import _core

_NATIVE = (torch.float32, torch.float64)


def below(x: Tensor, bound: float, steps: Tensor) -> Tensor:
    """int32 of the shape of x: how many of the ascending `steps` (n,) are below the larger of x and `bound`."""
    if not _is_native(x) or steps.dtype != x.dtype or not steps.is_cpu:
        return torch.bucketize(x.clamp_min(bound).contiguous(), steps, out_int32=True)
    out = torch.empty(x.shape, dtype=torch.int32)
    _core.steps_below(_in_three(x), bound, steps.detach().contiguous().numpy(), out.numpy())
    return out


def nearest(x: Tensor, means: Tensor | None) -> Tensor | None:
    """int32 of the shape of x: round(x - means), in float64; None where one is no 32-bit integer."""
    same = means is None or (means.shape == x.shape and means.dtype == torch.float32)
    if not _is_native(x) or not same or x.dtype != torch.float64 or not (means is None or _is_native(means)):
        rounded = torch.round(x if means is None else x - means)
        return rounded.int() if torch.all(rounded.abs() < 2**31) else None  # false for NaN, too
    out = torch.empty(x.shape, dtype=torch.int32)
    fits = _core.nearest_whole(_in_three(x), None if means is None else _in_three(means), out.numpy())
    return out if fits else None


def _is_native(x: Tensor) -> bool:
    return x.is_cpu and x.dtype in _NATIVE


def _in_three(x: Tensor):
    """x as an array of three dimensions, in any layout."""
    return (x if x.dim() == 3 else x.reshape(1, 1, -1)).detach().numpy()
