# SPDX-License-Identifier: Apache-2.0
"""Networks in integers: products and sums that are exact everywhere, activations from integer tables.

States are int16 with 15 fraction bits, what goes into a gate has 11, a logit 10 (in bits: powers of two, not of e).
A matrix product is computed in float64, where every partial sum is an integer below 2^53: so neither the order of sums
nor the batch, the threads or the machine can change a bit. Source: Ballé, Johnston, Minnen 2019, "Integer networks for
data compression with latent-variable models" (ICLR).
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

STATE_BITS, GATE_BITS, LOGIT_BITS = 15, 11, 10
STATE_MAX = (1 << STATE_BITS) - 1
SIGMOID_BITS = 14
TOTAL = 1 << 16
LOGIT_MAX = 1 << 20
_TABLE = 4096  # entries for [-8, 8)
_TABLE_SHIFT = GATE_BITS - 8
_MULTIPLIER_MAX = 2047
_BIAS_MAX = 1 << 24
_EXP_LINEAR, _EXP_SQUARE = 44012, 11244  # 2^-x ~ 1 - 0.67157 x + 0.17157 x^2 on [0, 1], in 1/65536


@lru_cache(maxsize=1)
def activation_tables() -> tuple[np.ndarray, np.ndarray]:
    """(sigmoid with 14 fraction bits, tanh with 15), int16, at the middles of 4096 steps over [-8, 8).

    In decimal arithmetic, which rounds correctly: the same integers on every machine.
    """
    half = _TABLE // 2
    with localcontext() as context:
        context.prec = 40
        decay, step, decays = (-Decimal(1) / 512).exp(), (-Decimal(2) / 512).exp(), []
        for _ in range(half):
            decays.append(decay)  # e^-x at the middles of the steps over [0, 8)
            decay *= step
        upper = [int((1 / (1 + e) * (1 << SIGMOID_BITS)).to_integral_value()) for e in decays]
        right = [int(((1 - e * e) / (1 + e * e) * (1 << STATE_BITS)).to_integral_value()) for e in decays]
    sigmoid = np.array([(1 << SIGMOID_BITS) - v for v in upper[::-1]] + upper, np.int16)
    right = np.minimum(np.array(right), STATE_MAX)
    return sigmoid, np.concatenate([-right[::-1], right]).astype(np.int16)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Sigmoid (14 fraction bits) of integers with 11."""
    return activation_tables()[0].astype(np.int64)[_place(x)]


def tanh(x: np.ndarray) -> np.ndarray:
    """Hyperbolic tangent (15 fraction bits) of integers with 11."""
    return activation_tables()[1].astype(np.int64)[_place(x)]


def _place(x: np.ndarray) -> np.ndarray:
    return np.clip((x >> _TABLE_SHIFT) + _TABLE // 2, 0, _TABLE - 1)


def rounded_shift(x: np.ndarray, bits: int) -> np.ndarray:
    return (x + (1 << (bits - 1))) >> bits


def exp2(depth: np.ndarray) -> np.ndarray:
    """65536 * 2^-(depth / 1024) for integers depth >= 0, within 0.4 %, by a parabola in each octave."""
    part = depth & 1023
    value = TOTAL - ((part * (_EXP_LINEAR - ((part * _EXP_SQUARE) >> 10))) >> 10)
    return value >> np.minimum(depth >> 10, 31)


def cdfs_of_logits(logits: np.ndarray) -> np.ndarray:
    """Integer CDFs, int32 (rows, K + 2), from 0 to 65536, of logits (rows, K): every code and the escape at the end
    have a count of at least 1."""
    rows, size = logits.shape
    weights = exp2(logits.max(axis=1, keepdims=True) - logits)
    sums = np.zeros((rows, size + 1), np.uint64)
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    scale = np.uint64((TOTAL - 1 - size) << 32) // sums[:, -1:]
    cdfs = np.empty((rows, size + 2), np.int32)
    cdfs[:, :-1] = (sums * scale >> np.uint64(32)).astype(np.int32) + np.arange(size + 1, dtype=np.int32)
    cdfs[:, -1] = TOTAL
    return cdfs


class IntegerLinear(nn.Module):
    """`y = W x + b` on integers: x int16 values (..., columns) -> y (..., rows), clipped to +-`limit`.

    acc = sum w x,  y = ((acc >> drop) * multiplier + half >> shift) + bias

    `weight` int8 in [-127, 127], and for each row a multiplier in [1, 2047], which is a scale of the row; `shift` holds
    for all rows. With at most 256 columns and `drop` 10 everything fits in 32 bits.
    """

    weight: Tensor
    multiplier: Tensor
    bias: Tensor
    shift: Tensor

    def __init__(self, columns: int, rows: int, in_bits: int, out_bits: int, drop: int = 10, limit: int = STATE_MAX):
        super().__init__()
        self.in_bits, self.out_bits, self.drop, self.limit = in_bits, out_bits, drop, limit
        self.register_buffer("weight", torch.zeros(rows, columns, dtype=torch.int8))
        self.register_buffer("multiplier", torch.ones(rows, dtype=torch.int16))
        self.register_buffer("bias", torch.zeros(rows, dtype=torch.int32))
        self.register_buffer("shift", torch.ones((), dtype=torch.int32))

    @torch.no_grad()
    def take(self, weight: Tensor, bias: Tensor | None = None) -> None:
        """Rounds float weights (rows, columns) and biases (rows,)."""
        weight = weight.detach().double()
        scale = weight.abs().amax(dim=1).clamp_min(1e-9) / 127
        power = math.floor(math.log2(_MULTIPLIER_MAX / float(scale.max())))
        gap = self.in_bits - self.out_bits - self.drop
        power = min(max(power, 1 - gap), 24 - gap)  # a shift of 1 to 24
        multiplier = torch.ceil(scale * 2.0**power).clamp(1, _MULTIPLIER_MAX)
        self.weight.copy_(torch.round(weight / (multiplier[:, None] * 2.0**-power)).clamp(-127, 127))
        self.multiplier.copy_(multiplier)
        self.shift.fill_(power + gap)
        if bias is not None:
            self.bias.copy_(torch.round(bias.detach().double() * 2.0**self.out_bits).clamp(-_BIAS_MAX, _BIAS_MAX))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        total = (x.astype(np.float64) @ self.weight.numpy().T.astype(np.float64)).astype(np.int64)
        y = rounded_shift((total >> self.drop) * self.multiplier.numpy().astype(np.int64), int(self.shift))
        return np.clip(y + self.bias.numpy(), -self.limit, self.limit)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
        """(weight, multiplier, bias, shift, limit) for the native core."""
        return self.weight.numpy(), self.multiplier.numpy(), self.bias.numpy(), int(self.shift), self.limit
