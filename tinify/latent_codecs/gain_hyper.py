# SPDX-License-Identifier: Apache-2.0
"""A hyperprior whose latents are scaled by gains that the caller has."""

from __future__ import annotations

from torch import Tensor

from tinify.latent_codecs.base import LatentForward, LatentStrings, LatentValues
from tinify.latent_codecs.hyper import HyperForward, HyperLatentCodec, HyperParams, HyperStrings
from tinify.latent_codecs.hyperprior import HyperpriorLatentCodec


class GainHyperLatentCodec(HyperLatentCodec):
    """A `HyperLatentCodec` between a gain and its inverse, each (1, N, 1, 1) or what spreads over z.

                     gain               gain_inv
               ┌───┐  ▼   ┌───┐ z_hat      ▼   ┌───┐
        y ──►──┤h_a├──×───┤ Q ├───►──···───×───┤h_s├──►── params
               └───┘      └───┘     EB         └───┘

    Source: Cui, Wang, Bai et al. 2021, arXiv:2003.02012; signatures are CompressAI's.
    """

    def forward(self, y: Tensor, gain: Tensor, gain_inv: Tensor) -> HyperForward:
        z_hat, likelihoods = self._rounded(self.h_a(y) * gain)
        return HyperForward({"z": likelihoods}, self._estimated(z_hat * gain_inv))

    def compress(self, y: Tensor, gain: Tensor, gain_inv: Tensor) -> HyperStrings:
        z = self.h_a(y) * gain
        strings, z_hat = self._coded(z)
        return HyperStrings([strings], z.shape[2:], self._params(z_hat * gain_inv))

    def decompress(self, strings: list[list[bytes]], shape, gain_inv: Tensor, **kwargs) -> HyperParams:
        return HyperParams(self._params(self._decoded(strings, shape) * gain_inv))


class GainHyperpriorLatentCodec(HyperpriorLatentCodec):
    """A latent and its side information under gains: `hyper` is a `GainHyperLatentCodec`.

                 z_gain, z_gain_inv
                  ┌─────▼────┐
            ┌──►──┤ lc_hyper ├──►──┐ params
            │     └──────────┘  ┌──▼───┐
        y ──┴───► × y_gain ──►──┤ lc_y ├──► × y_gain_inv ──► y_hat
                                └──────┘

    The caller has the gains, one for each channel and rate, and their inverses, which training need not keep inverse.
    Strings and shape as those of `HyperpriorLatentCodec`.

    Source: Cui, Wang, Bai et al. 2021, arXiv:2003.02012; signatures are CompressAI's.
    """

    def forward(
        self, y: Tensor, y_gain: Tensor, z_gain: Tensor, y_gain_inv: Tensor, z_gain_inv: Tensor
    ) -> LatentForward:
        hyper = self.hyper(y, z_gain, z_gain_inv)
        out = self.y(y * y_gain, hyper.params)
        return LatentForward({**out.likelihoods, **hyper.likelihoods}, out.y_hat * y_gain_inv)

    def compress(
        self, y: Tensor, y_gain: Tensor, z_gain: Tensor, y_gain_inv: Tensor, z_gain_inv: Tensor
    ) -> LatentStrings:
        hyper = self.hyper.compress(y, z_gain, z_gain_inv)
        out = self.y.compress(y * y_gain, hyper.params)
        shape = {"y": out.shape, "hyper": hyper.shape}
        return LatentStrings([*out.strings, *hyper.strings], shape, out.y_hat * y_gain_inv)

    def decompress(
        self, strings: list[list[bytes]], shape, y_gain_inv: Tensor, z_gain_inv: Tensor, **kwargs
    ) -> LatentValues:
        params = self.hyper.decompress(strings[-1:], shape["hyper"], z_gain_inv).params
        out = self.y.decompress(strings[:-1], shape["y"], params)
        return LatentValues(out.y_hat * y_gain_inv)
