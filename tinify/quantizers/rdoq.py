# SPDX-License-Identifier: Apache-2.0
"""Symbols chosen by error and bits together."""

from __future__ import annotations

import torch
from torch import Tensor

from tinify.errors import ConfigError
from tinify.quantizers.base import Quantized, Quantizer
from tinify.quantizers.deadzone import DeadZone
from tinify.quantizers.table_bits import TableBits

_NEAR = 0.12  # steps below its reconstruction point, within which a number is there


class Rdoq(Quantizer):
    """Around a `DeadZone`: each symbol becomes the cheapest of itself and up to `reach` symbols towards zero.

        y ──► quantizer ──► q ──► q, q - 1, q - 2 (towards 0): least (y - y_hat)^2 / step^2 + lmbda bits ──► symbols

    `bits` come from tables and the row that each number's context selects. The rows stay as they are while symbols
    change ("frozen contexts"), so all are chosen at once; where contexts come from symbols, make the rows of what was
    chosen and choose again. Without bits, or at lmbda 0, it is the quantizer inside. It decodes as that one does.
    Give that one a threshold of about 0.5: the choice takes the place of the dead zone. What lies at its reconstruction
    point, as numbers of a decoded signal do, stays: so coding again at the same step changes next to nothing.

    Source: Karczewicz, Ye, Chong 2008, "Rate distortion optimized quantization" (VCEG-AH21); differs in that symbols
    are chosen each alone.
    """

    def __init__(self, quantizer: DeadZone, reach: int = 2):
        super().__init__()
        if not isinstance(quantizer, DeadZone) or reach < 1:
            raise ConfigError(
                f"quantizer is a {type(quantizer).__name__}, reach {reach}; allowed: a DeadZone or Matrix, reach from 1"
            )
        self.quantizer, self.reach = quantizer, int(reach)

    @torch.no_grad()
    def quantize(
        self,
        y: Tensor,
        step: Tensor | float | None = None,
        group: Tensor | int = 0,
        bits: TableBits | None = None,
        rows: Tensor | None = None,
        lmbda: float = 0.0,
    ) -> Tensor:
        """Symbols int32 of y. `bits` and `rows` (integers, the shape of y): what a symbol costs where it stands."""
        symbols = self.quantizer.quantize(y, step).contiguous()
        if bits is None or rows is None or not lmbda > 0:
            return symbols
        there = symbols.flatten().nonzero()[:, 0]
        scaled = self.quantizer.in_steps(y, step).flatten()[there]
        rows = rows.flatten()[there]
        group = group.expand_as(symbols).flatten()[there] if isinstance(group, Tensor) else group

        def cost(candidates: Tensor) -> Tensor:
            error = scaled - self.quantizer.dequantize(candidates, 1.0, group)
            return error.square_().add_(bits.of(candidates, rows), alpha=lmbda)

        candidates = chosen = symbols.flatten()[there]
        least = cost(chosen)
        below = (scaled - self.quantizer.dequantize(chosen, 1.0, group)) * chosen.sign() < -_NEAR
        least = torch.where(below, least, -torch.inf)
        for _ in range(self.reach):
            candidates = candidates - candidates.sign()
            costs = cost(candidates)
            chosen = torch.where(costs < least, candidates, chosen)
            least = torch.minimum(costs, least)
        symbols.view(-1)[there] = chosen
        return symbols

    def dequantize(self, symbols: Tensor, step: Tensor | float | None = None, group: Tensor | int = 0) -> Tensor:
        """As the quantizer inside."""
        return self.quantizer.dequantize(symbols, step, group)

    def forward(self, y: Tensor) -> Quantized:
        return self.quantizer(y)
