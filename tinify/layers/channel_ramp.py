# SPDX-License-Identifier: Apache-2.0
"""Layers whose numbers of channels go from one number to another in even steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import nn


def sequential_channel_ramp(
    in_ch: int,
    out_ch: int,
    *,
    min_ch: int = 0,
    num_layers: int = 3,
    interp: str = "linear",
    make_layer: Callable[..., nn.Module],
    make_act: Callable[[], nn.Module],
    skip_last_act: bool = True,
    **layer_kwargs: Any,
) -> nn.Sequential:
    """`num_layers` of `make_layer(before, after, **layer_kwargs)`, each followed by `make_act()`, the last one only
    without `skip_last_act`: (B, in_ch, ...) -> (B, out_ch, ...).

    Channels between are at least `min_ch`; interp "linear" has equal differences, "log" equal ratios.
    """
    channels = _steps(in_ch, out_ch, num_layers + 1, interp)
    channels[1:-1] = [max(count, min_ch) for count in channels[1:-1]]
    layers = []
    for before, after in pairwise(channels):
        layers += [make_layer(before, after, **layer_kwargs), make_act()]
    return nn.Sequential(*(layers[:-1] if skip_last_act else layers))


def _steps(first: int, last: int, count: int, interp: str) -> list[int]:
    # Single precision, rounded down: checkpoints have the widths that come of it.
    if interp == "linear":
        values = torch.linspace(first, last, count)
    elif interp == "log":
        values = torch.logspace(math.log10(first), math.log10(last), count)
    else:
        raise ValueError(f'interp is {interp!r}; allowed: "linear", "log"')
    return values.floor().int().tolist()
