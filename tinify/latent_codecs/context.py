# SPDX-License-Identifier: Apache-2.0
"""Latents whose Gaussian parameters come, step by step, from what is decoded already."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.latent_codecs.base import LatentCodec, LatentStrings, LatentValues, only_stream
from tinify.latent_codecs.gaussian_conditional import GaussianConditionalLatentCodec
from tinify.layers.fixed_order import Matrix, pointwise
from tinify.layers.prepared import Prepared

Code = Callable[[Tensor, tuple], Tensor]
"""`(places, parts) -> y_hat` at these places (n,): parts of the latent codec inside, and y_hat, (B, C, n) each."""


_FEW_STEPS = 8


class ContextLatentCodec(LatentCodec):
    """Codes y (B, C, H, W) in steps: places of a step at once, of all channels.

                     params, of side information
                              ▼
        y_hat so far ──►──┌───┴───┐        ┌────┐  scales, means of the step's places
          (taps around)   │context├───►────┤ EP ├──►── tables ──► coder ──► y_hat there
                          └───────┘        └────┘

    `context_prediction`: a masked convolution (with `mask`), whose taps reach decoded places alone; it and
    `entropy_parameters`, which must be pointwise (1x1 convolutions), run at the step's places only, and their sums in a
    fixed order: the same numbers on both ends, whatever machine they are. The latent codec inside has no entropy
    parameters of its own. One string for each item of the batch. `context_shift` (out,), where there is one, is added
    to what the context gives.
    """

    def __init__(
        self,
        latent_codec: Mapping[str, LatentCodec] | None = None,
        entropy_parameters: nn.Module | None = None,
        context_prediction: nn.Module | None = None,
        context_shift: Tensor | None = None,
        **kwargs,
    ):
        super().__init__()
        self.context_shift = context_shift
        self.y = (latent_codec or {}).get("y") or GaussianConditionalLatentCodec(**kwargs)
        self.entropy_parameters = entropy_parameters or nn.Identity()
        self.context_prediction = context_prediction or nn.Identity()

    def __getitem__(self, key: str) -> LatentCodec:
        return {"y": self.y}[key]

    @abstractmethod
    def steps(self, height: int, width: int) -> list[Tensor]:
        """The places row * width + column of each step, int64 (n,)."""

    @abstractmethod
    def merged(self, context: Tensor, params: Tensor, axis: int = -1) -> Tensor:
        """What `entropy_parameters` takes, of the context's and the side information's channels along an axis."""

    def has_context(self, step: int) -> bool:
        """Whether the context of a step is more than zeros."""
        return True

    @torch.no_grad()
    def compress(self, y: Tensor, params: Tensor) -> LatentStrings:
        encoders = self.y.gaussian_conditional.encoders(len(y))
        flat = y.flatten(2)

        def code(places: Tensor, parts: tuple) -> Tensor:
            return self.y.push(encoders, flat[:, :, places].double(), parts)

        y_hat = self._walk(y.shape, params, code)
        return LatentStrings([[encoder.finish() for encoder in encoders]], y.shape[2:], y_hat)

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape: Any, params: Tensor, **kwargs) -> LatentValues:
        """`shape` is not needed: the parameters have it."""
        decoders = self.y.gaussian_conditional.decoders(only_stream(strings))

        def code(places: Tensor, parts: tuple) -> Tensor:
            return self.y.pull(decoders, parts)

        channels = self.context_prediction.weight.shape[1]
        y_hat = self._walk((len(decoders), channels, *params.shape[2:]), params, code)
        for decoder in decoders:
            decoder.finish()
        return LatentValues(y_hat)

    def _walk(self, shape: tuple, params: Tensor, code: Code) -> Tensor:
        height, width = shape[2:]
        around = _Around(self.context_prediction, self.context_shift, shape)
        parameters = pointwise(self.entropy_parameters)
        side = params.float().flatten(2).transpose(1, 2).contiguous()
        steps = self.steps(height, width)
        with _threads_for(len(steps)):
            for number, places in enumerate(steps):
                context = around.context(places) if self.has_context(number) else around.nothing(places)
                merged = parameters(self.merged(context, side[:, places]))
                around.put(places, code(places, self.y.parts(merged.transpose(1, 2))))
        return around.y_hat


@contextmanager
def _threads_for(steps: int) -> Iterator[None]:
    """One thread for many short steps: waking others for each of them costs more than the steps."""
    threads = torch.get_num_threads()
    if steps > _FEW_STEPS:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Around:
    """y_hat with a border of zeros, and the masked convolution at some of its places."""

    def __init__(self, network: nn.Module, shift: Tensor | None, shape: tuple):
        (batch, channels, height, width), weight = shape, network.weight
        if weight.shape[1] != channels:
            raise ConfigError(
                f"a context of {weight.shape[1]} channels over a latent of {channels}; they must be the same"
            )
        rows, columns, self.matrix = _taps(network)
        self.shift = None if shift is None else shift.float()
        self.y_hat = torch.zeros(batch, channels, height, width)
        self.width, self.reach = width, weight.shape[2] // 2
        self.across = width + 2 * self.reach
        self.offsets = (rows * self.across + columns).numpy()
        self.padded = np.zeros((batch, (height + 2 * self.reach) * self.across, channels), np.float32)

    def context(self, places: Tensor) -> Tensor:
        """(B, n, out)."""
        near = self.padded[:, self._padded(places)[:, None] + self.offsets]
        found = self.matrix(torch.from_numpy(near.reshape(*near.shape[:2], -1)))
        return found if self.shift is None else found + self.shift

    def nothing(self, places: Tensor) -> Tensor:
        return torch.zeros(len(self.padded), len(places), self.matrix.columns)

    def put(self, places: Tensor, values: Tensor) -> None:
        """values (B, C, n)."""
        self.y_hat.flatten(2)[:, :, places] = values
        self.padded[:, self._padded(places)] = values.transpose(1, 2).numpy()

    def _padded(self, places: Tensor) -> np.ndarray:
        rows, columns = np.divmod(places.numpy(), self.width)
        return (rows + self.reach) * self.across + columns + self.reach


def _make_taps(network: nn.Module) -> tuple[Tensor, Tensor, Matrix]:
    """Rows and columns of the taps that the mask leaves, from the middle, and the matrix over taps and channels."""
    weight, mask = network.weight.detach(), network.mask
    rows, columns = (mask != 0).flatten(0, 1).any(0).nonzero(as_tuple=True)
    matrix = Matrix((weight * mask)[:, :, rows, columns].permute(2, 1, 0).flatten(0, 1), network.bias)
    reach = weight.shape[2] // 2
    return rows - reach, columns - reach, matrix


_taps = Prepared(_make_taps)
