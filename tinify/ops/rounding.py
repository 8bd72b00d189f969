# SPDX-License-Identifier: Apache-2.0
"""Rounding with a gradient."""

from __future__ import annotations

import torch
from torch import Tensor


def quantize_ste(x: Tensor) -> Tensor:
    """`round(x)` forwards, the identity backwards (straight-through estimator).

    Shapes: any -> the same. Source: Bengio et al. 2013, arXiv:1308.3432; Theis et al. 2017, arXiv:1703.00395.
    """
    return x + (torch.round(x) - x).detach()
