# SPDX-License-Identifier: Apache-2.0
"""What a codec that is fitted to one kind of series knows of its channels, so that files need not say it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tinify.errors import InputError
from tinify.models.series.mixing import Mixing
from tinify.models.series.normalisation import Normalisation


class Fitted(nn.Module):
    """Offsets, scales, rotation, companions and linear predictions of C channels; `features` rows of predictions.

    `rotation` (C, C) float32 is orthonormal; `table` (features, 3) int32 and `first` (C + 1,) as `GridMixing` takes
    them; `means` (ways, C, 4, 8) as `BlockMixing` does.
    """

    offset: Tensor
    scale: Tensor
    rotation: Tensor
    reference: Tensor
    first: Tensor
    table: Tensor
    means: Tensor

    def __init__(self, channels: int, features: int, ways: int):
        super().__init__()
        self.channels = int(channels)
        self.register_buffer("offset", torch.zeros(channels, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(channels, dtype=torch.float64))
        self.register_buffer("rotation", torch.eye(channels))
        self.register_buffer("reference", torch.full((channels,), -1, dtype=torch.int32))
        self.register_buffer("first", torch.zeros(channels + 1, dtype=torch.int32))
        self.register_buffer("table", torch.zeros(features, 3, dtype=torch.int32))
        self.register_buffer("means", torch.zeros(ways, channels, 4, 8, dtype=torch.int32))

    def check(self, channels: int) -> None:
        """InputError unless the codec is for so many channels."""
        if channels != self.channels:
            raise InputError(
                f"the series has {channels} channels and the codec was fitted to {self.channels}; fit one to it, "
                "or leave --codec out"
            )

    def normalisation(self) -> Normalisation:
        """Offsets and scales of all channels, in float64."""
        return Normalisation(self.offset.numpy(), self.scale.numpy())

    @property
    def mixing(self) -> Mixing | None:
        """The rotation of all channels; None for a single one."""
        return Mixing(self.rotation.numpy(), b"") if self.channels > 1 else None

    def predictions(self) -> tuple[np.ndarray, np.ndarray] | None:
        """`(first, table)` of the grid's linear predictions; None when there are none."""
        return (self.first.numpy(), self.table.numpy()) if len(self.table) else None
