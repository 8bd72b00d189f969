# SPDX-License-Identifier: Apache-2.0
"""Gaussians whose scale and mean come from side information."""

from __future__ import annotations

import math

import scipy.stats
import torch
from torch import Tensor

from tinify.entropy_models.base import _TABLES, EntropyModel
from tinify.entropy_models.scalars import below
from tinify.entropy_models.tables import MAX_VALUES, quantized_cdfs
from tinify.errors import WeightsError
from tinify.ops import LowerBound

SCALES_MIN, SCALES_MAX, SCALES_LEVELS = 0.11, 256, 64


def get_scale_table(min: float = SCALES_MIN, max: float = SCALES_MAX, levels: int = SCALES_LEVELS) -> Tensor:
    """`levels` standard deviations from `min` to `max`, evenly spaced in their logarithm."""
    return torch.exp(torch.linspace(math.log(min), math.log(max), levels))


def cumulative(x: Tensor) -> Tensor:
    """The mass of a standard normal below x."""
    # The complementary error function keeps its precision in the tails.
    return 0.5 * torch.erfc(-(2**-0.5) * x)


class GaussianConditional(EntropyModel):
    """Each element is a Gaussian of its own scale (and mean), convolved with the unit quantization bin.

    Shapes: inputs, scales, means (B, C, ...), all the same -> y_hat and likelihoods of that shape.
    For coding, the scale is looked up in `scale_table`: the entry whose ratio to it is nearest to 1.
    `scale_table` None means CompressAI's 64 scales from 0.11 to 256, built on first use.

    Source: Ballé et al. 2018, arXiv:1802.01436; with means, Minnen, Ballé, Toderici 2018, arXiv:1809.02736.
    """

    scale_table: Tensor
    _sized_buffers = (*_TABLES, "scale_table")

    def __init__(self, scale_table=None, *args, scale_bound: float | None = 0.11, tail_mass: float = 1e-9, **kwargs):
        super().__init__(*args, **kwargs)
        scales = [] if scale_table is None else [float(s) for s in scale_table]
        ascending = all(0 < low <= high for low, high in zip(scales, scales[1:] or scales, strict=False))
        if scale_table is not None and not (scales and ascending):
            raise ValueError(f"scale_table must be positive and ascending, got {scale_table}")
        scale_bound = (scales[0] if scales else SCALES_MIN) if scale_bound is None else float(scale_bound)
        if scale_bound <= 0:
            raise ValueError(f"scale_bound must be positive, got {scale_bound}")
        self.tail_mass = float(tail_mass)
        self.lower_bound_scale = LowerBound(scale_bound)
        self.register_buffer("scale_table", torch.tensor(scales))
        self.register_buffer("scale_bound", torch.tensor([scale_bound]))

    def update_scale_table(self, scale_table, force: bool = False) -> bool:
        """Takes over a table of scales and builds the integer tables; True if they were (re)built."""
        if self._offset.numel() > 0 and not force:
            return False
        self.scale_table = torch.as_tensor(scale_table, dtype=torch.float32).to(self.scale_table.device)
        return self.update(force=True)

    @torch.no_grad()
    def update(self, force: bool = False) -> bool:
        if self._offset.numel() > 0 and not force:
            return False
        if self.scale_table.numel() == 0:
            self.scale_table = get_scale_table().to(self.scale_table.device)
        radius = torch.ceil(self.scale_table * -scipy.stats.norm.ppf(self.tail_mass / 2))
        if not torch.all((radius > 0) & (2 * radius < MAX_VALUES)):
            raise WeightsError(f"scales from {self.scale_table.min()} to {self.scale_table.max()} do not fit in tables")
        radius = radius.int()
        lengths = 2 * radius + 1
        distance = torch.abs(torch.arange(int(lengths.max()), device=radius.device).int() - radius[:, None]).float()
        scales = self.scale_table[:, None].float()
        upper, lower = cumulative((0.5 - distance) / scales), cumulative((-0.5 - distance) / scales)
        device = self._quantized_cdf.device
        self._quantized_cdf = quantized_cdfs(upper - lower, 2 * lower[:, :1], lengths).to(device)
        self._offset, self._cdf_length = -radius, lengths + 2
        return True

    def _check_tables(self, prefix: str) -> None:
        super()._check_tables(prefix)
        rows, scales = self._quantized_cdf.shape[0], self.scale_table.numel()
        if rows != scales:
            raise WeightsError(f"{prefix or 'the entropy model'} has {rows} tables for {scales} scales")

    def _likelihood(self, inputs: Tensor, scales: Tensor, means: Tensor | None = None) -> Tensor:
        values = torch.abs(inputs if means is None else inputs - means)
        scales = self.lower_bound_scale(scales)
        return cumulative((0.5 - values) / scales) - cumulative((-0.5 - values) / scales)

    def forward(
        self, inputs: Tensor, scales: Tensor, means: Tensor | None = None, training: bool | None = None
    ) -> tuple[Tensor, Tensor]:
        """`(y_hat, likelihoods)`; noise while training, rounding to the grid around the means otherwise."""
        training = self.training if training is None else training
        outputs = self.quantize(inputs, "noise" if training else "dequantize", means)
        likelihood = self._likelihood(outputs, scales, means)
        if self.use_likelihood_bound:
            likelihood = self.likelihood_lower_bound(likelihood)
        return outputs, likelihood

    def build_indexes(self, scales: Tensor) -> Tensor:
        """int32 index into `scale_table` for each scale: the nearest entry, in ratio.

        For CompressAI's streams (coder `rans64`) the first entry that is not smaller, as there; that costs 1 to 5 %.
        """
        if self.scale_table.numel() == 0:
            self.update()
        table = self.scale_table.to(scales.dtype)
        steps = table[:-1] if self.coder_name == "rans64" else torch.sqrt(table[:-1] * table[1:])
        return below(scales, self.scale_bound.item(), steps)
