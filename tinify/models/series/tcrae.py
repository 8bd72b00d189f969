# SPDX-License-Identifier: Apache-2.0
"""TCRAE as published: one code vector a window, and recurrent decoders that are given nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.layers.tcn import TemporalBlock
from tinify.models.series.autoencoder import SeriesAutoencoder

DIRECTIONS = ("reverse", "attention")
_QUIET = 0.01  # deviations far below it count as it
_LOUDEST = 14.0


class Tcrae(SeriesAutoencoder):
    """A window of `window` samples becomes one vector of `latents` numbers.

        x ─► normalised ─► causal dilated blocks ─► last step, mean, deviation ─► linear ─► y
        y_hat ─► linear, tanh ─► h_T ─► GRU without input ─► h_T-1 ... h_1 ─► linear ─► x_hat, from its last sample on
                              └► h_1 ─► GRU ... h_T       (direction = "attention": both, weighed at each step)

    `direction`: "reverse" (TCN-RNN in the paper) or "attention" (TCN-ARNN). `width`: channels of the encoder, a
    decoder has `2 width` units (attention: `3 width / 2` each).

    Source: Zheng, Zhang 2023, "A temporal convolutional recurrent autoencoder based framework for compressing time
    series data", Applied Soft Computing 147:110797; the decoder after Zheng et al. 2022, Information Sciences
    588:159-173. Differs: the tanh of the code stands in the decoder, so that the code fills an even grid; mean and
    deviation of a window go around the networks, as numbers of the code; the decoder is told the step; weights are
    trained for a rate; no dropout.
    """

    def __init__(
        self,
        window: int = 64,
        width: int = 64,
        latents: int = 32,
        dilations: Sequence[int] = (1, 2, 4, 8, 16),
        kernel: int = 3,
        histograms: int = 1,
        direction: str = "reverse",
    ):
        if direction not in DIRECTIONS:
            raise ConfigError(f'direction is "{direction}"; allowed: {", ".join(DIRECTIONS)}')
        super().__init__(window, window, latents, histograms)
        units = 2 * width if direction == "reverse" else 3 * width // 2
        self.ratios = _ratios(dilations)
        blocks = (TemporalBlock(width if i else 1, width, kernel, causal=True) for i in range(len(self.ratios)))
        self.encoder = nn.ModuleList(blocks)
        self.to_code = nn.Linear(width + 2, latents)
        runs = 1 if direction == "reverse" else 2
        self.decoders = nn.ModuleList(_Unrolled(latents + 1, units, window) for _ in range(runs))
        self.merge = _TimestepAttention(units) if direction == "attention" else None
        self.to_sample = nn.Linear(units, 1)
        self.to_level = nn.Linear(latents + 1, 2)
        self._begin_with_levels()

    def _begin_with_levels(self) -> None:
        """Lets the first two numbers of the code be a window's mean and the size of its deviation."""
        with torch.no_grad():
            self.to_code.weight[:2].zero_()
            self.to_code.weight[[0, 1], [-2, -1]] = 1.0
            self.to_code.bias[:2].zero_()
            self.to_level.weight.zero_()
            self.to_level.weight[[0, 1], [0, 1]] = 1.0
            self.to_level.bias.zero_()

    def analysis(self, x: Tensor) -> Tensor:
        mean, deviation = x.mean(dim=1, keepdim=True), x.std(dim=1, keepdim=True, correction=0)
        h = self.last_step(((x - mean) / (deviation + _QUIET))[:, None])
        return self.to_code(torch.cat([h, mean, torch.log(deviation + _QUIET)], dim=1))[:, None]

    def last_step(self, h: Tensor) -> Tensor:
        """The encoder's output (N, width) at the last of the samples h (N, 1, T)."""
        for block, ratio in zip(self.encoder, self.ratios, strict=True):
            # It sees of a block of dilation d no more than every d-th sample: no other is computed.
            h = block(h[:, :, (h.shape[2] - 1) % ratio :: ratio])
        return h[:, :, -1]

    def synthesis(self, y_hat: Tensor, step: Tensor) -> Tensor:
        code = torch.cat([y_hat[:, 0], torch.log2(step)[:, None]], dim=1)
        hidden = self.decoders[0](code).flip(1)
        if self.merge is not None:
            hidden = self.merge(hidden, self.decoders[1](code))
        mean, size = self.to_level(code).split(1, dim=1)
        return mean + torch.exp(size.clamp(max=_LOUDEST)) * self.to_sample(hidden)[..., 0]


def _ratios(dilations: Sequence[int]) -> list[int]:
    """Each dilation by the one before it."""
    pairs = list(pairwise((1, *dilations)))
    if not dilations or any(b < a or b % a for a, b in pairs):
        raise ConfigError(f"dilations {list(dilations)}; allowed: each a multiple of the one before it")
    return [b // a for a, b in pairs]


class _Unrolled(nn.Module):
    """code (N, size) -> hidden states (N, length, units) of a GRU that runs without input from a state made of it.

    Units begin with memories from one step to `length` long. Source: Tallec, Ollivier 2018, arXiv:1804.11188.
    """

    def __init__(self, size: int, units: int, length: int):
        super().__init__()
        self.start = nn.Linear(size, units)
        self.gru = nn.GRU(1, units, batch_first=True)
        nn.init.zeros_(self.gru.weight_ih_l0).requires_grad_(False)
        nn.init.uniform_(self.gru.bias_hh_l0.data[units : 2 * units], 1, max(length - 1, 2)).log_()
        self.length = length

    def forward(self, code: Tensor) -> Tensor:
        start = torch.tanh(self.start(code))[None]
        return self.gru(code.new_zeros(len(code), self.length, 1), start)[0]


class _TimestepAttention(nn.Module):
    """Two runs of hidden states (N, T, units) into one: at each step a weighted mean, weights from the states."""

    def __init__(self, units: int):
        super().__init__()
        self.score = nn.Sequential(nn.Linear(units, units // 4), nn.Tanh(), nn.Linear(units // 4, 1, bias=False))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        weight = torch.sigmoid(self.score(a) - self.score(b))  # a softmax over two
        return b + weight * (a - b)
