# SPDX-License-Identifier: Apache-2.0
"""TCRAE with a sequence for its latent: strided convolutions, recurrent networks, and the mirror of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.layers.tcn import TemporalBlock, TemporalDown, TemporalUp
from tinify.models.series.autoencoder import SeriesAutoencoder
from tinify.transforms.patch import dct_basis

_RECURRENT = {"gru": nn.GRU, "lstm": nn.LSTM}


class TcraeSeq(SeriesAutoencoder):
    """A latent vector for every `patch` samples, patch being the product of the strides.

        x ─► (strided convolution, dilated blocks) per stride ─► RNN ─► linear ─(+)─► y
          └──────────────────── linear, begins as the DCT of a patch ────────────┘
        y_hat ─► linear ─► RNN ─► (dilated blocks, upsampling) per stride ─(+)─► x_hat
              └───────────────── linear, begins as the inverse DCT ─────────┘

    `width`: channels of every layer; `recurrent`: "gru" or "lstm", both directions where `bidirectional`;
    `upsampling`: "transposed" or "interpolate". `latents` numbers a patch, at most and by default as many as samples.
    `shortcut`: the linear paths, a residual connection around each half, without which fine copies are out of reach.

    Source: after Zheng, Zhang 2023, "A temporal convolutional recurrent autoencoder based framework for compressing
    time series data", Applied Soft Computing 147:110797. Differs: a sequence of latents instead of one vector, strides,
    the shortcut, training for a rate.
    """

    def __init__(
        self,
        window: int = 512,
        width: int = 40,
        strides: Sequence[int] = (4, 4),
        dilations: Sequence[int] = (1, 2, 4),
        latents: int | None = None,
        histograms: int = 1,
        recurrent: str = "gru",
        bidirectional: bool = False,
        upsampling: str = "transposed",
        shortcut: bool = True,
    ):
        patch = math.prod(strides)
        if not strides or min(strides) < 2 or recurrent not in _RECURRENT:
            raise ConfigError(
                f'strides {list(strides)}, recurrent "{recurrent}"; allowed: one or more of at least 2, '
                f"{' or '.join(_RECURRENT)}"
            )
        super().__init__(window, patch, latents or patch, histograms)
        sides = 2 if bidirectional else 1
        kind = _RECURRENT[recurrent]
        rates = (width, width // sides)
        self.encoder = _down(width, strides, dilations)
        self.encoder_rnn = kind(*rates, batch_first=True, bidirectional=bidirectional)
        self.to_latent = nn.Linear(width + width // sides * sides, self.latents)
        self.from_latent = nn.Linear(self.latents + 1, width)
        self.decoder_rnn = kind(*rates, batch_first=True, bidirectional=bidirectional)
        self.from_rnn = nn.Linear(width // sides * sides, width)
        self.decoder = _up(width, strides, dilations, upsampling)
        self.shortcut_in = self.shortcut_out = None
        if shortcut:
            self._begin_as_dct()

    def _begin_as_dct(self) -> None:
        basis = dct_basis(self.patch)[: self.latents]
        rows = torch.zeros(self.latents, self.patch)
        rows[: len(basis)] = basis
        self.shortcut_in, self.shortcut_out = nn.Parameter(rows), nn.Parameter(rows.clone())
        for layer in (self.to_latent, self.decoder[-1].conv):
            nn.init.zeros_(getattr(layer, "gain", layer.weight))
            nn.init.zeros_(layer.bias)

    def analysis(self, x: Tensor) -> Tensor:
        patches = x.reshape(len(x), -1, self.patch)
        h = self.encoder(x[:, None]).transpose(1, 2)
        y = self.to_latent(torch.cat([h, self.encoder_rnn(h)[0]], dim=2))
        return y if self.shortcut_in is None else y + patches @ self.shortcut_in.t()

    def synthesis(self, y_hat: Tensor, step: Tensor) -> Tensor:
        fineness = torch.log2(step).reshape(-1, 1, 1).expand(*y_hat.shape[:2], 1)
        h = self.from_latent(torch.cat([y_hat, fineness], dim=2))
        h = h + self.from_rnn(self.decoder_rnn(h)[0])
        x_hat = self.decoder(h.transpose(1, 2))[:, 0]
        return x_hat if self.shortcut_out is None else x_hat + (y_hat @ self.shortcut_out).flatten(1)


def _down(width: int, strides: Sequence[int], dilations: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, stride in enumerate(strides):
        layers.append(TemporalDown(width if number else 1, width, stride))
        layers += [TemporalBlock(width, width, 3, dilation) for dilation in dilations]
    return nn.Sequential(*layers)


def _up(width: int, strides: Sequence[int], dilations: Sequence[int], upsampling: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, stride in reversed(list(enumerate(strides))):
        layers += [TemporalBlock(width, width, 3, dilation) for dilation in reversed(dilations)]
        layers.append(TemporalUp(width, width if number else 1, stride, upsampling))
    return nn.Sequential(*layers)
