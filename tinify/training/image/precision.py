# SPDX-License-Identifier: Apache-2.0
"""Networks in bfloat16, and compiled; what is between them in float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn

from tinify.entropy_models import EntropyModel
from tinify.latent_codecs import LatentCodec
from tinify.models.image.base import ImageCodec


def networks(module: nn.Module) -> Iterator[nn.Module]:
    """The largest parts with convolutions, and without entropy models or latent codecs in them."""
    for child in module.children():
        parts = list(child.modules())
        if any(isinstance(part, EntropyModel | LatentCodec) for part in parts):
            yield from networks(child)
        elif any(isinstance(part, nn.modules.conv._ConvNd) for part in parts):
            yield child


def in_bfloat16(codec: ImageCodec, device: str) -> None:
    """From now on the codec's networks compute in bfloat16 and give float32; weights and gradients stay float32.

    Probabilities do not: a likelihood is a difference of nearly equal numbers, and noise of half a step is lost beside
    a latent of more than 256.
    """
    for network in networks(codec):
        network.forward = _cast(network.forward, device)
    codec.transform = _cast(codec.transform, device)  # of networks that are not called as a whole


def _cast(call: Callable[..., Any], device: str) -> Callable[..., Any]:
    @wraps(call)
    def cast(*arguments: Any, **options: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            out = call(*arguments, **options)
        return out.float() if isinstance(out, Tensor) else type(out)(part.float() for part in out)

    return cast


def compiled(codec: ImageCodec) -> None:
    """Networks go through torch.compile; entropy models, which take rates, do not."""
    for network in networks(codec):
        network.compile()
