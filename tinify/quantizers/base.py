# SPDX-License-Identifier: Apache-2.0
"""The contract of a quantizer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinify.records import Record


@dataclass(frozen=True, eq=False)
class Quantized(Record):
    """`forward` of a quantizer: the values handed on (with a gradient), their integers, and a loss to add.

    `bits`: of each vector, with a gradient, where the quantizer can say them; else None.
    """

    y_hat: Tensor
    symbols: Tensor
    loss: Tensor
    bits: Tensor | None = None


class Quantizer(nn.Module, ABC):
    """Real values to integers and back.

        y -> quantize -> symbols -> dequantize -> y_hat

    `quantize` and `dequantize` are deterministic and have no gradient; `forward` is for training.
    """

    straight_through: bool = True
    """Whether `forward` hands the whole gradient on to `y`. One that represents a part of `y` has a gradient for that
    part alone."""

    @abstractmethod
    def quantize(self, y: Tensor) -> Tensor:
        """Integers for `y`."""

    @abstractmethod
    def dequantize(self, symbols: Tensor) -> Tensor:
        """The values that the integers stand for."""

    @staticmethod
    def no_loss(y: Tensor) -> Tensor:
        """A zero to stand where a quantizer has no loss of its own."""
        return torch.zeros((), dtype=y.dtype, device=y.device)
