# SPDX-License-Identifier: Apache-2.0
"""The factorized prior with bins of any width: one set of weights, every rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tinify import registry
from tinify.entropy_models.entropy_bottleneck import EntropyBottleneck
from tinify.entropy_models.tables import MAX_VALUES, quantized_cdfs
from tinify.errors import WeightsError
from tinify.layers.prepared import Prepared
from tinify.ops import elementary

_MOST_TABLES = 16  # widths whose tables are kept


class EntropyBottleneckVbr(EntropyBottleneck):
    """An `EntropyBottleneck` whose values are rounded to multiples of a width `qs` from the median.

        x -> round((x - median) / qs) -> symbols under the mass between -qs/2 and qs/2 around each -> bytes

    Signatures are CompressAI's; `qs` None is the plain bottleneck. Likelihoods are those of the width, and their
    gradients reach the density and the width, as the rate term of the paper asks (CompressAI 1.2.8 takes a width of 1
    and no gradient). Tables for a width are made where they are needed, by `tinify.ops.elementary`: the same integers
    on every machine, and nothing to update. Names of weights are CompressAI's `_matrix0`, ...

    Source: Kamisli, Racapé, Choi 2024, arXiv:2402.18930; Ballé et al. 2018, arXiv:1802.01436.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.register_state_dict_post_hook(_with_old_names)

    def forward(
        self, x: Tensor, training: bool | None = None, qs: Tensor | float | None = None, ste: bool = False
    ) -> tuple[Tensor, Tensor]:
        """`(y_hat, likelihoods)`; with `ste`, rounded in training too, with the gradient of x."""
        training = self.training if training is None else training
        width = None if qs is None else torch.as_tensor(qs, dtype=x.dtype, device=x.device)
        y_hat, likelihoods = self._forward(x, training, width)
        if ste:
            rounded = self._forward(x, False, width)[0]
            y_hat = x + (rounded - x).detach()
        return y_hat, likelihoods

    def coded(self, x: Tensor, qs: Tensor | float | None = None) -> tuple[list[bytes], Tensor]:
        if qs is None:
            return super().coded(x)
        coder, tables = self._coder_and_tables_of(float(qs))
        medians = self.medians_like(x.shape)
        symbols = self.quantize((x - medians) / float(qs), "symbols")
        rows = self.build_indexes(x.shape).contiguous().numpy()
        strings = [coder.encode(s, i, tables) for s, i in zip(symbols.cpu().numpy(), rows, strict=True)]
        return strings, self._values(symbols, medians, float(qs))

    def compress(self, x: Tensor, qs: Tensor | float | None = None) -> list[bytes]:
        return self.coded(x, qs)[0]

    def decompress(self, strings: list[bytes], size: Any, qs: Tensor | float | None = None) -> Tensor:
        if qs is None:
            return super().decompress(strings, size)
        full = self._full_size(strings, size)
        coder, tables = self._coder_and_tables_of(float(qs))
        rows = self.build_indexes(full).contiguous().numpy()
        symbols = torch.empty(full, dtype=torch.int32)
        for item, string in enumerate(strings):
            symbols.numpy()[item] = coder.decode(string, rows[item], tables)
        medians = self.medians_like(full)
        return self._values(symbols.to(medians.device), medians, float(qs))

    @staticmethod
    def _values(symbols: Tensor, medians: Tensor, width: float) -> Tensor:
        # One product and one sum of doubles, rounded once: the same on every machine.
        return (symbols.double() * width + medians.double()).float()

    def _coder_and_tables_of(self, width: float) -> tuple[Any, Any]:
        coder = registry.build("coder", self.coder_name)
        kept = _densities(self).kept
        if width not in kept:
            while len(kept) >= _MOST_TABLES:
                kept.pop(next(iter(kept)))
            kept[width] = coder.tables(*self.tables_of(width))
        return coder, kept[width]

    def tables_of(self, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`(cdfs, lengths, offsets)` for a coder: a row for each channel, of multiples of `width`.

        WeightsError where a table would be too wide."""
        density = _densities(self)
        low, median, high = density.quantiles
        if not width > 0:
            raise WeightsError(f"bins of the entropy bottleneck have widths of {width:g}; allowed: positive numbers")
        below, above = (np.maximum(np.ceil(reach / width), 0) for reach in (median - low, high - median))
        lengths = below + above + 1
        if not lengths.max() < MAX_VALUES:
            raise WeightsError(
                f"quantiles of the entropy bottleneck lie {lengths.max() - 1:g} widths of {width:g} apart; a table "
                f"holds {MAX_VALUES} values"
            )
        values = (np.arange(int(lengths.max())) - below[:, None]) * width + median[:, None]
        lower, upper = (elementary.sigmoid(density.logits(values + side * width)) for side in (-0.5, 0.5))
        lengths, beyond = lengths.astype(np.int32), lower[:, :1] + (1 - upper[:, -1:])
        cdfs = quantized_cdfs(*map(torch.from_numpy, (upper - lower, beyond, lengths))).numpy()
        return cdfs, lengths + 2, (-below).astype(np.int32)


class _Density:
    """The cumulative of each channel, in float64 sums of a fixed order; and tables made of it, by width."""

    def __init__(self, model: EntropyBottleneck):
        def arrays(parameters: nn.ParameterList) -> list[np.ndarray]:
            return [parameter.detach().cpu().double().numpy() for parameter in parameters]

        self.matrices = [elementary.softplus(matrix) for matrix in arrays(model.matrices)]
        self.biases = arrays(model.biases)
        self.factors = [elementary.tanh(factor) for factor in arrays(model.factors)]
        self.quantiles = model.quantiles.detach().cpu().double()[:, 0].unbind(-1)
        self.quantiles = [quantile.numpy() for quantile in self.quantiles]
        self.kept: dict[float, Any] = {}

    def logits(self, values: np.ndarray) -> np.ndarray:
        """(C, n) -> (C, n)."""
        x = values[:, None]
        for number, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            total = bias
            for k in range(matrix.shape[2]):
                total = total + matrix[:, :, k : k + 1] * x[:, k : k + 1]
            if number < len(self.factors):
                total = total + self.factors[number] * elementary.tanh(total)
            x = total
        return x[:, 0]


def _with_old_names(module: nn.Module, state_dict: dict, prefix: str, _: Any) -> None:
    for new, old in (("matrices", "_matrix"), ("biases", "_bias"), ("factors", "_factor")):
        for number in range(len(getattr(module, new))):
            if f"{prefix}{new}.{number}" in state_dict:
                state_dict[f"{prefix}{old}{number}"] = state_dict.pop(f"{prefix}{new}.{number}")


_densities = Prepared(_Density)
