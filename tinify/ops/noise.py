# SPDX-License-Identifier: Apache-2.0
"""Uniform noise that does not depend on how many processes share a batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_share = (0, 1)


@contextmanager
def shared_noise(rank: int, count: int) -> Iterator[None]:
    """In here, batches are every `count`-th item from item `rank` on of a whole batch: `uniform_noise` is that of these
    items. All processes must have the same state of the random generator."""
    global _share
    before, _share = _share, (rank, count)
    try:
        yield
    finally:
        _share = before


def uniform_noise(like: Tensor) -> Tensor:
    """U(-1/2, 1/2) of the shape (B, ...), type and strides of `like`."""
    rank, count = _share
    if count == 1:
        return torch.empty_like(like).uniform_(-0.5, 0.5)
    channels_last = like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if channels_last and not like.is_contiguous() else torch.contiguous_format
    whole = (len(like) * count, *like.shape[1:])
    noise = torch.empty(whole, dtype=like.dtype, device=like.device, memory_format=layout).uniform_(-0.5, 0.5)
    return noise[rank::count]
