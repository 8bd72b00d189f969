# SPDX-License-Identifier: Apache-2.0
"""The factorized prior: one learned distribution a channel."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tinify.entropy_models.base import EntropyModel
from tinify.entropy_models.tables import MAX_VALUES, SYMBOLS_PER_BYTE, quantized_cdfs
from tinify.errors import FormatError, WeightsError
from tinify.ops.noise import uniform_noise

_OLD_KEY = re.compile(r"^_(matrix|bias|factor|matrices|biases|factors)\.?(\d+)$")
_NEW_NAME = {"matrix": "matrices", "bias": "biases", "factor": "factors"}


class EntropyBottleneck(EntropyModel):
    """A distribution learned for each channel, as a small monotone network that gives its cumulative.

    Shapes: (B, C, ...) -> y_hat and likelihoods of the same shape. Symbols are relative to a channel's median.
    The loss of `loss()` moves `quantiles` (C, 1, 3), the tails and the median, and nothing else.

    Source: Ballé, Minnen, Singh, Hwang, Johnston 2018, "Variational image compression with a scale hyperprior",
    arXiv:1802.01436, appendix 6.1.
    """

    target: Tensor

    def __init__(
        self, channels: int, *args, tail_mass: float = 1e-9, init_scale: float = 10.0, filters=(3, 3, 3, 3), **kwargs
    ):
        super().__init__(*args, **kwargs)
        self.channels = int(channels)
        self.filters = tuple(int(f) for f in filters)
        self.init_scale = float(init_scale)
        self.tail_mass = float(tail_mass)
        self._init_network()
        tails = torch.tensor([-self.init_scale, 0.0, self.init_scale])
        self.quantiles = nn.Parameter(tails.repeat(self.channels, 1, 1))
        target = math.log(2 / self.tail_mass - 1)
        self.register_buffer("target", torch.tensor([-target, 0.0, target]))

    def _init_network(self) -> None:
        widths = (1, *self.filters, 1)
        scale = self.init_scale ** (1 / (len(widths) - 1))
        self.matrices, self.biases, self.factors = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
            start = math.log(math.expm1(1 / scale / fan_out))
            self.matrices.append(nn.Parameter(torch.full((self.channels, fan_out, fan_in), start)))
            self.biases.append(nn.Parameter(torch.empty(self.channels, fan_out, 1).uniform_(-0.5, 0.5)))
            if i < len(self.filters):
                self.factors.append(nn.Parameter(torch.zeros(self.channels, fan_out, 1)))

    def _get_medians(self) -> Tensor:
        return self.quantiles[:, :, 1:2]

    def _logits_cumulative(self, inputs: Tensor, stop_gradient: bool) -> Tensor:
        logits = inputs  # (C, 1, L)
        for i, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            if stop_gradient:
                matrix, bias = matrix.detach(), bias.detach()
            logits = torch.matmul(F.softplus(matrix), logits) + bias
            if i < len(self.filters):
                factor = self.factors[i].detach() if stop_gradient else self.factors[i]
                logits = logits + torch.tanh(factor) * torch.tanh(logits)
        return logits

    def _likelihood(
        self, inputs: Tensor, stop_gradient: bool = False, width: Tensor | float = 1.0
    ) -> tuple[Tensor, Tensor, Tensor]:
        lower = self._logits_cumulative(inputs - 0.5 * width, stop_gradient)
        upper = self._logits_cumulative(inputs + 0.5 * width, stop_gradient)
        return torch.sigmoid(upper) - torch.sigmoid(lower), lower, upper

    def forward(self, x: Tensor, training: bool | None = None) -> tuple[Tensor, Tensor]:
        """`(y_hat, likelihoods)`; noise while training, rounding otherwise."""
        return self._forward(x, self.training if training is None else training)

    def _forward(self, x: Tensor, training: bool, width: Tensor | None = None) -> tuple[Tensor, Tensor]:
        swapped = x.transpose(0, 1).contiguous()  # (C, B, ...)
        values = swapped.reshape(self.channels, 1, -1)
        if training:
            noise = uniform_noise(x).transpose(0, 1).reshape(values.shape)
            y_hat = values + (noise if width is None else noise * width)
        elif width is None:
            y_hat = self.quantize(values, "dequantize", self._get_medians())
        else:
            medians = self._get_medians()
            y_hat = self.quantize((values - medians) / width, "dequantize") * width + medians
        likelihood = self._likelihood(y_hat, width=1.0 if width is None else width)[0]
        if self.use_likelihood_bound:
            likelihood = self.likelihood_lower_bound(likelihood)
        back = [t.reshape(swapped.shape).transpose(0, 1).contiguous() for t in (y_hat, likelihood)]
        return back[0], back[1]

    def loss(self) -> Tensor:
        """Distance of the quantiles from where they should be; only `quantiles` gets a gradient."""
        return torch.abs(self._logits_cumulative(self.quantiles, stop_gradient=True) - self.target).sum()

    @torch.no_grad()
    def update(self, force: bool = False, update_quantiles: bool = False) -> bool:
        """Builds the tables; with `update_quantiles`, finds the quantiles by bisection first.

        Raises WeightsError where a table would be too wide."""
        if self._offset.numel() > 0 and not force:
            return False
        if update_quantiles:
            self._update_quantiles()
        low, medians, high = self.quantiles[:, 0, :].unbind(-1)
        widest = ((medians - low).abs() + (high - medians).abs()).max().item()
        if not widest < MAX_VALUES - 2:
            raise WeightsError(
                f"quantiles of the entropy bottleneck lie {widest:g} apart; a table holds {MAX_VALUES} values: "
                "train with aux_loss(), or let update(update_quantiles=True) find them"
            )
        minima = torch.clamp(torch.ceil(medians - low).int(), min=0)
        maxima = torch.clamp(torch.ceil(high - medians).int(), min=0)
        lengths = maxima + minima + 1
        start = medians - minima
        samples = torch.arange(int(lengths.max()), device=start.device)[None, :] + start[:, None, None]
        pmf, lower, upper = self._likelihood(samples, stop_gradient=True)
        # The last sample of the longest row bounds the upper tail of every row, as in CompressAI.
        tail_mass = torch.sigmoid(lower[:, 0, :1]) + torch.sigmoid(-upper[:, 0, -1:])
        device = self._quantized_cdf.device
        self._quantized_cdf = quantized_cdfs(pmf[:, 0, :], tail_mass, lengths).to(device)
        self._offset, self._cdf_length = -minima, lengths + 2
        return True

    @torch.no_grad()
    def _update_quantiles(self, search_radius: float = 1e5, rtol: float = 1e-4, atol: float = 1e-3) -> None:
        for i, target in enumerate(self.target):
            low = torch.full((self.channels, 1, 1), -search_radius, device=self.quantiles.device)
            high = -low
            for _ in range(64):  # halves 2e5 to atol in 28 steps; NaN never gets there
                if torch.isclose(low, high, rtol=rtol, atol=atol).all():
                    break
                middle = (low + high) / 2
                logits = self._logits_cumulative(middle, stop_gradient=True)
                low, high = torch.where(logits <= target, middle, low), torch.where(logits >= target, middle, high)
            self.quantiles[:, :, i] = ((low + high) / 2)[:, :, 0]

    def _spread(self, per_channel: Tensor, size) -> Tensor:
        return per_channel.reshape(1, -1, *[1] * (len(size) - 2)).expand(size)

    def build_indexes(self, size) -> Tensor:
        """Table index of each element of a (B, C, ...) tensor: its channel."""
        return self._spread(torch.arange(self.channels, dtype=torch.int32), size)

    def medians_like(self, size) -> Tensor:
        """The medians, spread over a (B, C, ...) size."""
        return self._spread(self._get_medians().detach(), size)

    def compress(self, x: Tensor) -> list[bytes]:
        """One byte string for each item of x (B, C, ...)."""
        return self.coded(x)[0]

    def coded(self, x: Tensor) -> tuple[list[bytes], Tensor]:
        """One byte string for each item of x (B, C, ...), and the values that `decompress` makes of them."""
        medians = self.medians_like(x.shape)
        symbols = self.quantize(x, "symbols", medians)
        return self.encode(symbols, self.build_indexes(x.shape)), self.dequantize(symbols, medians)

    def decompress(self, strings: list[bytes], size) -> Tensor:
        """Values (B, C, *size) from B byte strings. FormatError at once where they cannot hold so many."""
        full = self._full_size(strings, size)
        return super().decompress(strings, self.build_indexes(full), means=self.medians_like(full))

    def _full_size(self, strings: list[bytes], size) -> tuple[int, ...]:
        full = (len(strings), self.channels, *size)
        count, shortest = math.prod(full[1:]), min(map(len, strings), default=0)
        if count > SYMBOLS_PER_BYTE * shortest:
            raise FormatError(f"a string of {shortest} bytes cannot hold {count} symbols")
        return full

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs):
        # Checkpoints before CompressAI 1.2.7 (and its zoo) call the parameters _matrix0 or _matrices.0.
        for key in [k for k in state_dict if k.startswith(prefix)]:
            if match := _OLD_KEY.match(key[len(prefix) :]):
                name = _NEW_NAME.get(match[1], match[1])
                state_dict[f"{prefix}{name}.{match[2]}"] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
