# SPDX-License-Identifier: Apache-2.0
"""Two steps: a checkerboard's one colour, then the other with its neighbours known."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.latent_codecs.base import LatentCodec, LatentForward
from tinify.latent_codecs.context import ContextLatentCodec
from tinify.latent_codecs.lattices import CHECKERBOARD

_METHODS = ("onepass", "twopass")


class CheckerboardLatentCodec(ContextLatentCodec):
    """Codes y (B, C, H, W), of any size, in two steps; parameters are those of `ContextLatentCodec`.

        step 1: anchors, without context     step 2: the others, from the anchors around

              a . a . a .                          a o a o a o
              . a . a . a                          o a o a o a

    `anchor_parity` "even": row + column of an anchor is even. `forward_method`: "twopass" predicts from anchors that
    are quantized with their means, as coding does; "onepass" from noisy or rounded values of all of y at once.

    Source: He, Zheng, Sun et al. 2021, arXiv:2103.15306.
    """

    side_first = False

    def __init__(
        self,
        latent_codec: Mapping[str, LatentCodec] | None = None,
        entropy_parameters: nn.Module | None = None,
        context_prediction: nn.Module | None = None,
        anchor_parity: str = "even",
        forward_method: str = "twopass",
        **kwargs,
    ):
        super().__init__(latent_codec, entropy_parameters, context_prediction, **kwargs)
        if anchor_parity not in ("even", "odd") or forward_method not in _METHODS:
            raise ConfigError(
                f'anchor_parity is {anchor_parity!r}, forward_method {forward_method!r}; allowed: "even" or "odd", '
                f"{' or '.join(map(repr, _METHODS))}"
            )
        self.anchor_parity, self.forward_method = anchor_parity, forward_method

    def steps(self, height: int, width: int) -> list[Tensor]:
        anchors = self._anchors(height, width).flatten()
        return [anchors.nonzero()[:, 0], (~anchors).nonzero()[:, 0]]

    def has_context(self, step: int) -> bool:
        return step > 0

    def _anchors(self, height: int, width: int) -> Tensor:
        """bool (H, W)."""
        anchors = torch.zeros(height, width, dtype=torch.bool)
        for lattice in CHECKERBOARD[self.anchor_parity == "odd"]:
            anchors[lattice.where] = True
        return anchors

    def forward(self, y: Tensor, side_params: Tensor) -> LatentForward:
        anchors, side_params = self._anchors(*y.shape[2:]).to(y.device), side_params.to(y.dtype)
        if self.forward_method == "onepass":
            gaussian = self.y.gaussian_conditional
            known = gaussian.quantize(y, "noise" if gaussian.training else "dequantize")
        else:
            nothing = y.new_zeros(len(y), self.context_prediction.weight.shape[0], *y.shape[2:])
            params = self.entropy_parameters(self.merged(nothing, side_params, 1))
            known = self.y.quantized(y, params) * anchors
        context = self.context_prediction(known) * ~anchors
        params = self.entropy_parameters(self.merged(context, side_params, 1))
        out = self.y(y, params)
        return LatentForward({"y": out.likelihoods["y"]}, out.y_hat)
