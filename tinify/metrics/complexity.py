# SPDX-License-Identifier: Apache-2.0
"""What a network costs: parameters, multiply-accumulates, memory for activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Cost:
    """Of one call: multiply-accumulates, and bytes of what all layers give out."""

    macs: int
    activation_bytes: int


def parameters(module: nn.Module) -> int:
    """Numbers that are learned by gradients."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def state_bytes(module: nn.Module) -> int:
    """Bytes of everything that is saved: parameters, codebooks, integer weights, tables."""
    return sum(t.numel() * t.element_size() for t in module.state_dict().values())


@torch.no_grad()
def cost(call: Callable[[], Any], module: nn.Module) -> Cost:
    """Of `call()`: the products of matrices and convolutions in it, and the outputs of the layers of `module`, which
    are the modules in it that have no children. Additions, gates and normalisation count nothing.
    """
    from torch.utils.flop_counter import FlopCounterMode

    sizes: list[int] = []
    layers = [layer for layer in module.modules() if not any(True for _ in layer.children())]
    hooks = [
        layer.register_forward_hook(lambda _, __, out: sizes.extend(map(_bytes, _tensors(out)))) for layer in layers
    ]
    try:
        with FlopCounterMode(display=False) as counter:
            call()
    finally:
        for hook in hooks:
            hook.remove()
    return Cost(counter.get_total_flops() // 2, sum(sizes))


def _bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    return [t for part in output for t in _tensors(part)] if isinstance(output, tuple | list) else []
