# SPDX-License-Identifier: Apache-2.0
"""What is made once from a module's weights, and made anew when they have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn


class Prepared:
    """`Prepared(make)(module)` is `make(module)`, kept while the module lives and its layers and weights are the same.

    What `make` returns must not refer to the module itself, or it would live for ever; to its layers it may.
    """

    def __init__(self, make: Callable[[nn.Module], Any]):
        self._make = make
        self.entries: WeakKeyDictionary[nn.Module, tuple[list, list, Any]] = WeakKeyDictionary()

    def __call__(self, module: nn.Module) -> Any:
        layers, weights = list(module.modules())[1:], list(module.parameters())
        known = self.entries.get(module)
        if known is None or not _same(known[0], layers, known[1], weights):
            copies = [weight.detach().clone() for weight in weights]
            known = self.entries[module] = (layers, copies, self._make(module))
        return known[2]


def _same(old_layers: list, layers: list, old_weights: list, weights: list) -> bool:
    if len(old_layers) != len(layers) or len(old_weights) != len(weights):
        return False
    # The values themselves, about a millisecond: version counters miss what is written through `.data`.
    same = all(a is b for a, b in zip(old_layers, layers, strict=True))
    return same and all(torch.equal(a, b) for a, b in zip(old_weights, weights, strict=True))
