# SPDX-License-Identifier: Apache-2.0
"""What the entropy model expects a signal to cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def estimated_bits(likelihoods: Mapping[str, Tensor] | Tensor) -> float:
    """`-sum log2 p` over every element of every latent: the ideal code length in bits, without header or container.

    `likelihoods` is one tensor or what `forward` returns, {"y": p, "z": p, ...} with p in (0, 1].
    """
    parts: Any = likelihoods.values() if isinstance(likelihoods, Mapping) else [likelihoods]
    return float(sum(-torch.log2(p.detach()).sum(dtype=torch.float64) for p in parts))
