# SPDX-License-Identifier: Apache-2.0
"""A latent and its side information, coded together."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues


class HyperpriorLatentCodec(LatentCodec):
    """Codes `y` with the parameters that its `hyper` branch sends ahead.

                 ┌──────────┐
            ┌─►──┤ lc_hyper ├──►─┐
            │    └──────────┘    ▼ params
            │                 ┌──┴───┐
        y ──┴───────►─────────┤ lc_y ├───►── y_hat
                              └──────┘

    Strings: those of y, then those of z. Shape: {"y": ..., "hyper": ...}.

    Source: Ballé et al. 2018, arXiv:1802.01436.
    """

    def __init__(self, latent_codec: Mapping[str, LatentCodec], **kwargs):
        super().__init__()
        self.y = latent_codec["y"]
        self.hyper = latent_codec["hyper"]

    def __getitem__(self, key: str) -> LatentCodec:
        return {"y": self.y, "hyper": self.hyper}[key]

    def forward(self, y: Tensor) -> LatentForward:
        hyper = self.hyper(y)
        out = self.y(y, hyper.params)
        return LatentForward({**out.likelihoods, **hyper.likelihoods}, out.y_hat)

    def compress(self, y: Tensor) -> LatentStrings:
        hyper = self.hyper.compress(y)
        out = self.y.compress(y, hyper.params)
        return LatentStrings([*out.strings, *hyper.strings], {"y": out.shape, "hyper": hyper.shape}, out.y_hat)

    def decompress(self, strings: list[list[bytes]], shape, **kwargs) -> LatentValues:
        params = self.hyper.decompress(strings[-1:], shape["hyper"]).params
        return self.y.decompress(strings[:-1], shape["y"], params)
