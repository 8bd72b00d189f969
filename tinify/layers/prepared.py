# SPDX-License-Identifier: Apache-2.0
"""What is made once from a module's weights, and made anew when they have changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from tinify import _core

_LARGE = 1 << 22  # bytes


class Prepared:
    """`Prepared(make)(module)` is `make(module)`, kept while the module lives and its layers and weights are the same.

    What `make` returns must not refer to the module itself, or it would live for ever; to its layers it may.
    """

    def __init__(self, make: Callable[[nn.Module], Any]):
        self._make = make
        self.entries: WeakKeyDictionary[nn.Module, tuple[list, list, Any]] = WeakKeyDictionary()

    def __call__(self, module: nn.Module) -> Any:
        layers, weights = list(module.modules())[1:], [_digest(weight) for weight in module.parameters()]
        known = self.entries.get(module)
        if known is None or not _same(known[0], layers) or known[1] != weights:
            known = self.entries[module] = (layers, weights, self._make(module))
        return known[2]


def _same(old_layers: list, layers: list) -> bool:
    return len(old_layers) == len(layers) and all(a is b for a, b in zip(old_layers, layers, strict=True))


def _digest(weight: Tensor) -> tuple:
    """Changes with the values, which are all read: version counters miss what is written through `.data`."""
    plain = weight.detach().cpu().contiguous()
    threads = torch.get_num_threads() if plain.nbytes > _LARGE else 1
    return weight.device, weight.dtype, weight.shape, _core.digest(plain, threads)
