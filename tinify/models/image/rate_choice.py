# SPDX-License-Identifier: Apache-2.0
"""Wavelet coefficients rounded by error and bits together, where bits are those that the picture itself teaches."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tinify import _core
from tinify.quantizers.rdoq import Rdoq
from tinify.quantizers.table_bits import TableBits
from tinify.transforms.lifting import subbands

_ACTIVITIES, _LARGEST, _MAGNITUDES = 41, 8, 16
_AROUND = torch.tensor([[1.0, 2.0, 1.0], [2.0, 0.0, 2.0], [1.0, 2.0, 1.0]])
_ROUNDS = 2
_NEAR = 0.25  # steps: half of the numbers of a picture that was never coded lie nearer to their symbols
_SLOPE = 0.08  # squared steps that a bit is worth: less than ln 2 / 6, since the network fills in what is left over


def choose(quantizer: Rdoq, y: Tensor, step: Tensor, levels: int) -> Tensor:
    """Symbols int32 of y (C, H, W), subbands in Mallat's arrangement; the coarsest one is only rounded.

    Coefficients are first rounded; how often each magnitude then comes with each activity around it says what it costs.
    What is chosen by these costs makes other activities, and so other costs, by which all are chosen again. A picture
    that was decoded at this step is only rounded, so that it stays as it is.
    """
    chosen = rounded = quantizer.quantize(y, step)
    if settled(y, rounded, step):
        return rounded
    coarsest = subbands(*y.shape[-2:], levels)[0].where
    for _ in range(_ROUNDS):
        rows = activities(chosen, levels)
        chosen = quantizer.quantize(y, step, bits=_bits(chosen, rows), rows=rows, lmbda=_SLOPE)
        chosen[coarsest] = rounded[coarsest]
    return chosen


def settled(y: Tensor, rounded: Tensor, step: Tensor) -> bool:
    """Whether most of the numbers that are not zero lie near their symbols, which those of a decoded picture do."""
    there = rounded != 0
    near = (y / step - rounded).abs_() < _NEAR
    return int((near & there).sum()) * 4 > 3 * int(there.sum())


def activities(symbols: Tensor, levels: int) -> Tensor:
    """int64 (C, H, W): 41 l + a for a number of level l with activity a, from the magnitudes (up to 8) around it, one
    level coarser and in the components before; 41 (levels + 1) more in all components but the first."""
    sizes = symbols.abs().clamp(max=_LARGEST).float()
    found = F.conv2d(sizes[:, None], _AROUND[None, None], padding=1)[:, 0]
    for component in range(1, len(sizes)):
        found[component] += 2 * sizes[:component].mean(0)
    bands = {(band.level, band.kind): band for band in subbands(*symbols.shape[-2:], levels)}
    offsets = torch.zeros_like(found)
    for (level, kind), band in bands.items():
        offsets[band.where] = _ACTIVITIES * level
        parent = bands.get((level + 1, kind))
        if parent is not None:
            coarser = sizes[parent.where].repeat_interleave(2, -2).repeat_interleave(2, -1)
            height, width = min(band.height, coarser.shape[-2]), min(band.width, coarser.shape[-1])
            found[band.where][..., :height, :width] += 2 * coarser[..., :height, :width]
    offsets[1:] += _ACTIVITIES * (levels + 1)
    return (found.clamp_(max=_ACTIVITIES - 1).floor_() + offsets).long()


def _bits(symbols: Tensor, rows: Tensor) -> TableBits:
    count = int(rows.max()) + 1
    cells = rows.flatten() * (_MAGNITUDES + 1) + symbols.flatten().abs().clamp(max=_MAGNITUDES)
    counts = torch.bincount(cells, minlength=count * (_MAGNITUDES + 1)).view(count, -1).numpy() + 0.25
    pmf = (counts / counts.sum(1, keepdims=True)).astype(np.float32)
    lengths = np.full(count, _MAGNITUDES + 1, np.int32)
    cdfs = _core.pmfs_to_quantized_cdfs(pmf, lengths, 16)
    return TableBits(cdfs, lengths + 1, np.zeros(count, np.int32), magnitudes=True)
