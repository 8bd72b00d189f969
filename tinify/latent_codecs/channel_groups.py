# SPDX-License-Identifier: Apache-2.0
"""Groups of channels, each with all groups before it known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, FormatError
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues
from tinify.layers.fixed_order import convolved


class ChannelGroupsLatentCodec(LatentCodec):
    """Codes y (B, sum of groups, H, W) group by group, each by a latent codec of its own.

        y_hat of groups before ──► channel_context["y2"] ──┬──► params of group 2 ──► latent_codec["y2"]
        params, of side information ───────────────────────┘

    `latent_codec` {"y0": ..., "y1": ...}, `channel_context` {"y1": ..., ...}: group 0 has the side information alone.
    With `nearest` a context sees the first group and the one before alone. Streams: those of the groups in order.
    Contexts run in a fixed order when coding: the same numbers on both ends.

    Source: Minnen, Singh 2020, arXiv:2007.08739; He, Yang, Peng et al. 2022 (ELIC), arXiv:2203.10886.
    """

    def __init__(
        self,
        groups: Sequence[int],
        latent_codec: Mapping[str, LatentCodec],
        channel_context: Mapping[str, nn.Module] | None = None,
        nearest: bool = False,
        **kwargs,
    ):
        super().__init__()
        self.groups, self.nearest = [int(group) for group in groups], bool(nearest)
        names = [f"y{number}" for number in range(len(self.groups))]
        contexts = dict(channel_context or {})
        if list(latent_codec) != names or sorted(contexts) != names[1:]:
            raise ConfigError(
                f"latent codecs {list(latent_codec)}, contexts {sorted(contexts)} of {len(names)} groups; allowed: "
                f"{names}, {names[1:]}"
            )
        self.latent_codec = nn.ModuleDict(latent_codec)
        self.channel_context = nn.ModuleDict(contexts)

    def __getitem__(self, key: str) -> LatentCodec:
        return self.latent_codec[key]

    def params(self, number: int, before: Sequence[Tensor], side_params: Tensor, exact: bool) -> Tensor:
        """What the codec of a group is given, of the groups before it (B, C, H, W)."""
        if not number:
            return side_params
        network, known = self.channel_context[f"y{number}"], self.merged(before)
        context = convolved(network)(known) if exact else network(known)
        return torch.cat((context, side_params.to(context.dtype)), 1)

    def merged(self, before: Sequence[Tensor]) -> Tensor:
        """What a context sees of the groups before."""
        return torch.cat([before[0], before[-1]] if self.nearest and len(before) > 1 else list(before), 1)

    def forward(self, y: Tensor, side_params: Tensor) -> LatentForward:
        likelihoods, y_hat, side_params = [], [], side_params.to(y.dtype)
        for number, part in enumerate(y.split(self.groups, 1)):
            out = self.latent_codec[f"y{number}"](part, self.params(number, y_hat, side_params, exact=False))
            y_hat.append(out.y_hat)
            likelihoods.append(out.likelihoods["y"])
        return LatentForward({"y": torch.cat(likelihoods, 1)}, torch.cat(y_hat, 1))

    @torch.no_grad()
    def compress(self, y: Tensor, side_params: Tensor) -> LatentStrings:
        strings, shapes, y_hat = [], [], []
        for number, part in enumerate(y.split(self.groups, 1)):
            params = self.params(number, y_hat, side_params, exact=True)
            out = self.latent_codec[f"y{number}"].compress(part, params)
            y_hat.append(out.y_hat)
            shapes.append(out.shape)
            strings.extend(out.strings)
        return LatentStrings(strings, shapes, torch.cat(y_hat, 1))

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape, side_params: Tensor, **kwargs) -> LatentValues:
        """One stream for each group."""
        if len(strings) != len(self.groups):
            raise FormatError(f"{len(strings)} streams for {len(self.groups)} groups: the file is not of this codec")
        y_hat: list[Tensor] = []
        for number, stream in enumerate(strings):
            params = self.params(number, y_hat, side_params, exact=True)
            known = shape[number] if shape else None
            y_hat.append(self.latent_codec[f"y{number}"].decompress([stream], known, params).y_hat)
        return LatentValues(torch.cat(y_hat, 1))
