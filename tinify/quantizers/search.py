# SPDX-License-Identifier: Apache-2.0
"""The nearest of a list of codes, where bits may count beside the distance."""

from __future__ import annotations

import torch
from torch import Tensor

from tinify import _core

_DIMENSIONS = 256  # that the native search takes
_ROWS = 1 << 14  # rows searched at a time: bounds the (rows, K) table of costs


def _is_native(flat: Tensor, codebook: Tensor) -> bool:
    on_cpu = flat.device.type == codebook.device.type == "cpu"
    return on_cpu and codebook.dtype == torch.float32 and codebook.shape[1] <= _DIMENSIONS


@torch.no_grad()
def nearest(y: Tensor, codebook: Tensor, rate: Tensor | None = None, lmbda: float = 0.0) -> Tensor:
    """Numbers (...) int64 of the codes of `codebook` (K, D) that cost y (..., D) least: |y - c_k|^2 + lmbda * rate_k.

    `rate`: bits of each code, (K,) or (..., K); a longer last axis is cut to K.
    """
    flat = y.reshape(-1, y.shape[-1]).to(codebook.dtype)
    bias = 0.5 * codebook.square().sum(1)  # |y - c|^2 / 2 without the |y|^2 that all codes share
    if rate is not None:
        rate = 0.5 * lmbda * rate[..., : len(codebook)]
        rate = rate if rate.dim() == 1 else rate.reshape(-1, len(codebook))
    if _is_native(flat, codebook) and (rate is None or rate.dim() == 1):
        tokens = torch.empty(len(flat), dtype=torch.int64)
        costs = bias if rate is None else bias + rate
        parts = (flat.contiguous(), codebook.contiguous(), costs)
        _core.nearest(*(part.detach().numpy() for part in parts), tokens.numpy(), torch.get_num_threads())
        return tokens.reshape(y.shape[:-1])
    tokens = torch.empty(len(flat), dtype=torch.int64, device=y.device)
    for start in range(0, len(flat), _ROWS):
        rows = slice(start, start + _ROWS)
        cost = torch.addmm(bias, flat[rows], codebook.t(), alpha=-1)
        if rate is not None:
            cost += rate if rate.dim() == 1 else rate[rows]
        torch.argmin(cost, dim=1, out=tokens[rows])
    return tokens.reshape(y.shape[:-1])
