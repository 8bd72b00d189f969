# SPDX-License-Identifier: Apache-2.0
"""Scalar quantization with a wide zero and learned reconstruction points."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from tinify.errors import ConfigError, InputError
from tinify.quantizers.base import Quantized, Quantizer

_MOST = 2.0**28  # magnitudes that a symbol can have
_POINTS = 3  # magnitudes with a reconstruction point of their own: 1, 2, and 3 with all above


class DeadZone(Quantizer):
    """Rounds towards zero what lies less than `threshold` above a multiple of the step.

               -2   │   -1   │         0         │    1   │    2         symbols, here at threshold 0.66
        ────────────┼────────┼─────────┼─────────┼────────┼─────────► y / step
                 -1.66    -0.66        0       0.66     1.66

        y -> q = sign(y) floor(|y| / step + 1 - threshold) -> sign(q) (|q| + point[min(|q|, 3)]) step -> y_hat

    threshold 0.5 is rounding, 1 is JPEG 2000's. What is small is likely, so a wide zero costs little error and saves
    many bits. `points`, which begin at 0, say where numbers of magnitude 1, 2, and 3 or more lie on average; with
    `groups`, for each group of numbers (a block size, a subband, a context). Fit them to counts of training data:

        quantizer.fit(sum(quantizer.count(y, quantizer.quantize(y)) for y in training))

    `step`: one number, or one for each channel of (..., C, H, W); another can be given with each call. Shapes: any ->
    the same; symbols are int32.

    Source: Sullivan 1996, "Efficient scalar quantization of exponential and Laplacian random variables".
    """

    step: Tensor
    points: Tensor

    def __init__(self, step: float | Sequence[float] = 1.0, threshold: float = 0.66, groups: int = 1):
        super().__init__()
        steps = [float(s) for s in step] if isinstance(step, Sequence) else float(step)
        values = torch.tensor(steps)
        if not (values > 0).all() or not values.numel() or not 0.5 <= threshold <= 1 or groups < 1:
            raise ConfigError(
                f"step is {step}, threshold {threshold}, groups {groups}; allowed: positive steps, a threshold within "
                "[0.5, 1], at least 1 group"
            )
        self.threshold, self.groups = float(threshold), int(groups)
        self.register_buffer("step", values[:, None, None] if values.dim() else values, persistent=False)
        self.register_buffer("points", torch.zeros(self.groups, _POINTS))

    @torch.no_grad()
    def quantize(self, y: Tensor, step: Tensor | float | None = None) -> Tensor:
        """Symbols of y, at `step` instead of the own one if given."""
        y = self.in_steps(y, step)
        shift = 1 - self.threshold
        # Cutting off y + shift or y - shift is the rounding; where |y| < shift, 2 y has the same integer part: none.
        return (y + y.clamp(-shift, shift)).clamp_(-_MOST, _MOST).int()

    @torch.no_grad()
    def dequantize(self, symbols: Tensor, step: Tensor | float | None = None, group: Tensor | int = 0) -> Tensor:
        """Where symbols of `group`, one for all or one for each, lie on average."""
        group = self._checked(group)
        shifts = torch.cat((-self.points.flip(1), torch.zeros_like(self.points[:, :1]), self.points), 1)
        index = symbols.clamp(-_POINTS, _POINTS).int().add_(_POINTS) + (2 * _POINTS + 1) * group
        y = F.embedding(index, shifts.view(-1, 1)).view(index.shape).add_(symbols)
        return y.mul_(self._fitting(y, step))

    def forward(self, y: Tensor) -> Quantized:
        symbols = self.quantize(y)
        return Quantized(y + (self.dequantize(symbols) - y).detach(), symbols, self.no_loss(y))

    @torch.no_grad()
    def count(self, y: Tensor, symbols: Tensor, step: Tensor | float | None = None, group: Tensor | int = 0) -> Tensor:
        """For magnitudes 1, 2, 3 and more: how many symbols, and the sum of what y has above them, in steps.

        float64 (groups, 3, 2), which may be added up over parts of the data. The symbols may come from elsewhere.
        """
        group = self._checked(group)
        there = symbols != 0
        chosen = symbols[there].double()
        above = self.in_steps(y, step)[there].double() * chosen.sign() - chosen.abs()
        cell = (chosen.abs().clamp(max=_POINTS) - 1).long()
        cell += _POINTS * (group.expand_as(symbols)[there].long() if isinstance(group, Tensor) else group)
        sums = [torch.bincount(cell, weights, self.groups * _POINTS).double() for weights in (None, above)]
        return torch.stack(sums, -1).view(self.groups, _POINTS, 2)

    @torch.no_grad()
    def fit(self, counts: Tensor) -> None:
        """Sets the points to the means of what was counted; 0 where there was nothing."""
        self.points.copy_(counts[..., 1] / counts[..., 0].clamp_min(1))

    def in_steps(self, y: Tensor, step: Tensor | float | None = None) -> Tensor:
        """y / step, without gradient."""
        return y.detach() / self._fitting(y, step)

    def _fitting(self, y: Tensor, step: Tensor | float | None) -> Tensor | float:
        step = self.step if step is None else step
        if isinstance(step, Tensor) and step.dim() == 3 and (y.dim() < 3 or y.shape[-3] != len(step)):
            raise InputError(
                f"a tensor of shape {tuple(y.shape)} under {len(step)} steps; allowed: (..., {len(step)}, H, W)"
            )
        return step

    def _checked(self, group: Tensor | int) -> Tensor | int:
        if isinstance(group, int) and not 0 <= group < self.groups:
            raise InputError(f"group is {group}; allowed: 0 to {self.groups - 1}")
        return group
