# SPDX-License-Identifier: Apache-2.0
"""Numbers for each level of a codec of variable rate, and for all levels in between."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def between(table: Tensor, level: float | Tensor | None) -> Tensor:
    """The row of `table` (levels, C) at `level` in [0, levels - 1], in a straight line between whole ones.

    (1, C, 1, 1) for a number, (B, C, 1, 1) for a level of each item (B,). None: the middle."""
    last = len(table) - 1
    if not isinstance(level, Tensor):
        level = min(max(last / 2 if level is None else float(level), 0.0), float(last))
        low = min(int(level), max(last - 1, 0))
        return torch.lerp(table[low], table[min(low + 1, last)], level - low)[None, :, None, None]
    level = level.to(table).clamp(0, last)
    low = level.long().clamp(max=max(last - 1, 0))
    share = (level - low)[:, None]
    return torch.lerp(table[low], table[(low + 1).clamp(max=last)], share)[:, :, None, None]


class LevelTable(nn.Module):
    """What a level adds to each of C channels, (1 or B, C, 1, 1); nothing at the start."""

    def __init__(self, levels: int, channels: int):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(levels, channels))

    def forward(self, level: float | Tensor | None) -> Tensor:
        return between(self.table, level)
