# SPDX-License-Identifier: Apache-2.0
"""Latents whose Gaussian parameters come, step by step, from what is decoded already."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.latent_codecs.base import LatentCodec, LatentStrings, LatentValues, only_stream
from tinify.latent_codecs.gaussian_conditional import GaussianConditionalLatentCodec
from tinify.layers.double import in_double
from tinify.layers.grid import snap

Code = Callable[[Tensor, Tensor, "Tensor | None"], Tensor]
"""`(places, scales, means) -> y_hat` at these places (n,): (B, C, n) each."""


class ContextLatentCodec(LatentCodec):
    """Codes y (B, C, H, W) in steps: places of a step at once, of all channels.

                     params, of side information
                              ▼
        y_hat so far ──►──┌───┴───┐        ┌────┐  scales, means of the step's places
          (taps around)   │context├───►────┤ EP ├──►── tables ──► coder ──► y_hat there
                          └───────┘        └────┘

    `context_prediction`: a masked convolution (with `mask`), whose taps reach decoded places alone; it and
    `entropy_parameters`, which must be pointwise (1x1 convolutions), run in float64 and at the step's places only: the
    same numbers on both ends, and no sum twice. The latent codec inside has no entropy parameters of its own. One
    string for each item of the batch.
    """

    def __init__(
        self,
        latent_codec: Mapping[str, LatentCodec] | None = None,
        entropy_parameters: nn.Module | None = None,
        context_prediction: nn.Module | None = None,
        **kwargs,
    ):
        super().__init__()
        self.y = (latent_codec or {}).get("y") or GaussianConditionalLatentCodec(**kwargs)
        self.entropy_parameters = entropy_parameters or nn.Identity()
        self.context_prediction = context_prediction or nn.Identity()

    def __getitem__(self, key: str) -> LatentCodec:
        return {"y": self.y}[key]

    @abstractmethod
    def steps(self, height: int, width: int) -> list[Tensor]:
        """The places row * width + column of each step, int64 (n,)."""

    @abstractmethod
    def merged(self, context: Tensor, params: Tensor) -> Tensor:
        """What `entropy_parameters` takes, of the context's and the side information's channels."""

    def has_context(self, step: int) -> bool:
        """Whether the context of a step is more than zeros."""
        return True

    @torch.no_grad()
    def compress(self, y: Tensor, params: Tensor) -> LatentStrings:
        gaussian = self.y.gaussian_conditional
        coder, tables = gaussian.coder_and_tables()
        encoders = [coder.encoder() for _ in y]
        flat = y.flatten(2)

        def code(places: Tensor, scales: Tensor, means: Tensor | None) -> Tensor:
            values = flat[:, :, places].double()
            symbols = gaussian.quantize(values, "symbols", means)
            indexes = gaussian.build_indexes(scales)
            for encoder, s, i in zip(encoders, symbols.numpy(), indexes.numpy(), strict=True):
                encoder.push(s, i, tables)
            return gaussian.dequantize(symbols, means, torch.double)

        y_hat = self._walk(y.shape, params, code)
        return LatentStrings([[encoder.finish() for encoder in encoders]], y.shape[2:], y_hat.to(y.dtype))

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape: Any, params: Tensor, **kwargs) -> LatentValues:
        """`shape` is not needed: the parameters have it."""
        gaussian = self.y.gaussian_conditional
        coder, tables = gaussian.coder_and_tables()
        decoders = [coder.decoder(string) for string in only_stream(strings)]

        def code(places: Tensor, scales: Tensor, means: Tensor | None) -> Tensor:
            indexes = gaussian.build_indexes(scales).numpy()
            symbols = np.stack([decoder.pull(i, tables) for decoder, i in zip(decoders, indexes, strict=True)])
            return gaussian.dequantize(torch.from_numpy(symbols), means, torch.double)

        channels = self.context_prediction.weight.shape[1]
        y_hat = self._walk((len(decoders), channels, *params.shape[2:]), params, code)
        for decoder in decoders:
            decoder.finish()
        return LatentValues(y_hat.float())

    def _walk(self, shape: tuple, params: Tensor, code: Code) -> Tensor:
        batch, channels, height, width = shape
        around = _Around(self.context_prediction, batch, channels, height, width)
        side = params.double().flatten(2)
        for number, places in enumerate(self.steps(height, width)):
            context = around.context(places) if self.has_context(number) else around.nothing(places)
            merged = self.merged(context[..., None], side[:, :, places, None])
            scales, means = self.y.scales_and_means(in_double(self.entropy_parameters, merged))
            around.put(places, code(places, scales[..., 0], None if means is None else means[..., 0]))
        return around.y_hat


class _Around:
    """y_hat with a border of zeros, float64, and the masked convolution at some of its places."""

    def __init__(self, network: nn.Module, batch: int, channels: int, height: int, width: int):
        weight, mask = network.weight, network.mask
        if weight.shape[1] != channels or weight.shape[2:] != mask.shape[2:]:
            raise ConfigError(
                f"a context of {weight.shape[1]} channels over a latent of {channels}; they must be the same"
            )
        self.network, self.y_hat = network, torch.zeros(batch, channels, height, width, dtype=torch.double)
        self.width, self.reach = width, weight.shape[2] // 2
        rows, columns = (mask != 0).flatten(0, 1).any(0).nonzero(as_tuple=True)
        across = width + 2 * self.reach
        self.offsets = (rows - self.reach) * across + columns - self.reach
        # (taps * channels, out): a row of places by taps and channels times this is the convolution.
        self.weight = (weight * mask).double()[:, :, rows, columns].permute(2, 1, 0).flatten(0, 1).contiguous()
        self.bias = None if network.bias is None else network.bias.double()
        self.padded = torch.zeros(batch, (height + 2 * self.reach) * across, channels, dtype=torch.double)

    def context(self, places: Tensor) -> Tensor:
        """(B, out, n)."""
        near = self.padded[:, self._padded(places)[:, None] + self.offsets].flatten(2)
        out = near @ self.weight
        return (out if self.bias is None else out + self.bias).transpose(1, 2)

    def nothing(self, places: Tensor) -> Tensor:
        return torch.zeros(len(self.padded), self.weight.shape[1], len(places), dtype=torch.double)

    def put(self, places: Tensor, values: Tensor) -> None:
        """values (B, C, n)."""
        self.y_hat.flatten(2)[:, :, places] = values.double()
        self.padded[:, self._padded(places)] = snap(values.transpose(1, 2).double(), self.network)

    def _padded(self, places: Tensor) -> Tensor:
        rows, columns = places // self.width, places % self.width
        return (rows + self.reach) * (self.width + 2 * self.reach) + columns + self.reach
