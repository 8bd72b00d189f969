# SPDX-License-Identifier: Apache-2.0
"""Side information that comes out alike on both ends."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn
from torch.func import functional_call


def in_double(network: nn.Module, x: Tensor) -> Tensor:
    """`network(x)` in float64, contiguous, one item of the batch after the other: (B, ...) -> float64 (B, ...).

    A float32 convolution changes in its last bits with the thread count, the memory layout and the batch, and one
    scale that crosses a step of its table loses the rest of the stream. In float64 the difference is 1e-14 and a step
    is practically never crossed; where it is, the coder's check says so (DesyncError).
    """
    tensors = chain(network.named_parameters(), network.named_buffers())
    state = {name: t.detach().double() if t.is_floating_point() else t for name, t in tensors}
    return torch.cat([functional_call(network, state, item) for item in x.double().contiguous().split(1)])
