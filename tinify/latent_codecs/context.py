# SPDX-License-Identifier: Apache-2.0
"""Latents whose Gaussian parameters come, step by step, from what is decoded already."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tinify.latent_codecs.base import LatentCodec, LatentStrings, LatentValues, only_stream
from tinify.latent_codecs.gaussian_conditional import GaussianConditionalLatentCodec
from tinify.layers.fixed_order import pointwise
from tinify.layers.fixed_walk import Around

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

    side_first: ClassVar[bool]
    """Whether `entropy_parameters` take the side information's channels before those of the context."""

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

    def merged(self, context: Tensor, params: Tensor, axis: int = -1) -> Tensor:
        """What `entropy_parameters` takes, of the context's and the side information's channels along an axis."""
        return torch.cat((params, context) if self.side_first else (context, params), axis)

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
        around = Around(self.context_prediction, self.context_shift, shape)
        steps = self.steps(*shape[2:])
        merged = self._merged(around, params.float().flatten(2).transpose(1, 2).contiguous(), steps)
        with _threads_for(len(steps)):
            for places, parameters in zip(steps, merged, strict=True):
                around.put(places, code(places, self.y.parts(parameters.transpose(1, 2))))
        return around.y_hat()

    def _merged(self, around: Around, side: Tensor, steps: list[Tensor]) -> Iterator[Tensor]:
        """What `entropy_parameters` give for each step, (B, n, out)."""
        network, depth = pointwise(self.entropy_parameters), side.shape[2]
        always = all(map(self.has_context, range(len(steps))))
        if steps and always and self.side_first and network.native(depth):
            return around.walk(steps, side, network, torch.get_num_threads())
        return (
            network(self.merged((around.context if self.has_context(k) else around.nothing)(places), side[:, places]))
            for k, places in enumerate(steps)
        )


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
