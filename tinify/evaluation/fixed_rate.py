# SPDX-License-Identifier: Apache-2.0
"""What latents of a fixed precision would cost and give: the way autoencoders are often reported."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tinify.errors import InputError
from tinify.models.series.autoencoder import SeriesAutoencoder


@dataclass(frozen=True, eq=False)
class FixedRate:
    """`bits` a value, and the reconstruction at that precision. No file has this size: headers are not counted."""

    bits: float
    x_hat: Tensor


@torch.no_grad()
def fp16(codec: SeriesAutoencoder, x: Tensor, kept: int | None = None) -> FixedRate:
    """Latents as half-precision numbers: 16 bits for each of the `kept` that matter most (all of them by default).

    x (N, T): windows of the codec, T a multiple of its patch.
    """
    return _measured(codec, x, kept, 16, lambda y: y.half().float())


@torch.no_grad()
def int8(codec: SeriesAutoencoder, x: Tensor, kept: int | None = None) -> FixedRate:
    """Latents as bytes between the ends that the codec's weights give for each dimension; arguments as of `fp16`."""
    low, high = codec.ranges.float()
    scale = ((high - low) / 255).clamp(min=1e-6)
    return _measured(codec, x, kept, 8, lambda y: low + torch.round((y - low) / scale).clamp(0, 255) * scale)


def _measured(codec: SeriesAutoencoder, x: Tensor, kept: int | None, width: int, rounded) -> FixedRate:
    count = codec.latents if kept is None else kept
    if not 1 <= count <= codec.latents:
        raise InputError(f"{count} latents kept; allowed: 1 to {codec.latents}")
    codec.eval()
    y = codec.analysis(x)
    order = (codec.ranges[1] - codec.ranges[0]).argsort(descending=True)
    y_hat = torch.zeros_like(y)
    y_hat[..., order[:count]] = rounded(y)[..., order[:count]]
    # The finest step that the synthesis was trained with stands for no rounding worth the name.
    step = torch.full((len(y),), codec.latent_codec.step(64))
    return FixedRate(width * count * y.shape[1] / x.shape[1], codec.synthesis(y_hat, step))
