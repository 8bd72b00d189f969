# SPDX-License-Identifier: Apache-2.0
"""Variable rate around Ballé's and Minnen's codecs: one checkpoint, every rate.

Parameter names are CompressAI's, so its checkpoints load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tinify.entropy_models import EntropyBottleneckVbr
from tinify.errors import ConfigError
from tinify.latent_codecs import HyperLatentCodec, HyperpriorLatentCodec, LatentCodec, RasterScanLatentCodec
from tinify.latent_codecs.gained_gaussian import GainedGaussianLatentCodec
from tinify.layers.fixed_order import pointwise
from tinify.models.image.google import (
    JointAutoregressiveHierarchicalPriors,
    MeanScaleHyperprior,
    ScaleHyperprior,
)
from tinify.ops import LowerBound, elementary
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput

_GAINS = [0.10000, 0.13944, 0.19293, 0.26874, 0.37268, 0.51801, 0.71957, 1.00000]


@dataclass(frozen=True)
class _Rate:
    """A gain that was asked for by its size; None for the codec as the first stage trains it."""

    gain: float | None


class VariableRate(ScaleHyperprior):
    """What the three codecs add to those of one rate.

        y ──► (y - means) gain ──► round ──► q ──► (q - sign(q) QuantABCD(scales gain, gain)) / gain + means ──► y_hat
        z ──► multiples of gayn2zqstep(1 / gain), at least 1/2, where `vr_entbttlnck`; integers otherwise

    `level` in [0, 7] is between the gains of `Gain`, in even ratios; CompressAI's arguments are taken, too: `s`, the
    number of a gain, or `inputscale`, a gain, with `stage` 2. `stage=1` is the codec of one rate, without a gain.
    Training has two stages (`first_stage_steps` of a recipe). Gains are constants: no gradient reaches them.

    Source: Kamisli, Racapé, Choi 2024, "Variable-Rate Learned Image Compression with Multi-Objective Optimization and
    Quantization-Reconstruction Offsets", arXiv:2402.18930.
    """

    def __init__(self, N: int, M: int, vr_entbttlnck: bool = False):
        super().__init__(N, M)
        self.Gain = nn.Parameter(torch.tensor(_GAINS), requires_grad=False)
        self.QuantABCD = _three_layers(2, 12)
        self.vr_entbttlnck = bool(vr_entbttlnck)
        if vr_entbttlnck:
            self.entropy_bottleneck = EntropyBottleneckVbr(N)
            self.gayn2zqstep = _three_layers(1, 10).append(nn.Softplus())
            self.lower_bound_zqstep = LowerBound(0.5)

    @property
    def level_count(self) -> int:
        return len(self.Gain)

    def gain_at(self, level: float) -> float:
        """The gain of a level, the same double on every machine."""
        gains = self.Gain.detach().cpu().double().abs().numpy()
        level = min(max(float(level), 0.0), len(gains) - 1.0)
        low = int(level)
        if level == low:
            return float(gains[low])
        below, above = elementary.log(gains[low : low + 2])
        return float(elementary.exp(below + (above - below) * (level - low)))

    def latent_codec_at(self, level: float | _Rate | None) -> LatentCodec:
        if not isinstance(level, _Rate):
            level = _Rate(self.gain_at((self.level_count - 1) / 2 if level is None else level))
        return self.latent_codec if level.gain is None else self._gained(self.latent_codec, level.gain)

    def _gained(self, plain: HyperpriorLatentCodec, gain: float) -> HyperpriorLatentCodec:
        hyper = plain.hyper
        quantizer, qs = ("noise", self._width(gain)) if self.vr_entbttlnck else ("ste", None)
        hyper = HyperLatentCodec(hyper.entropy_bottleneck, hyper.h_a, hyper.h_s, quantizer, hyper.precision, qs)
        return HyperpriorLatentCodec({"y": self._gained_y(plain.y, gain), "hyper": hyper})

    def _gained_y(self, plain: LatentCodec, gain: float) -> LatentCodec:
        return GainedGaussianLatentCodec(
            gaussian_conditional=plain.gaussian_conditional, chunks=plain.chunks, gain=gain, offsets=self.QuantABCD
        )

    def _width(self, gain: float) -> Tensor:
        """The step of z: a double that is the same on every machine, with the gradient of its network."""
        step = torch.tensor([1 / gain])
        exact = max(pointwise(self.gayn2zqstep)(step).item(), 0.5)
        learned = self.lower_bound_zqstep(self.gayn2zqstep(step.to(self.Gain.device)))[0]
        return torch.tensor(exact, dtype=torch.double) + (learned - learned.detach())

    def forward(
        self, x: Tensor, level: float | None = None, stage: int = 2, s: int | None = None, inputscale: float = 0
    ) -> ForwardOutput:
        return super().forward(x, self._rate(level, stage, s, inputscale))

    def compress(
        self, x: Tensor, level: float | None = None, stage: int = 2, s: int | None = None, inputscale: float = 0
    ) -> CompressOutput:
        return super().compress(x, self._rate(level, stage, s, inputscale))

    def decompress(
        self,
        strings: list[list[bytes]],
        shape: Any,
        level: float | None = None,
        stage: int = 2,
        s: int | None = None,
        inputscale: float = 0,
    ) -> DecompressOutput:
        return super().decompress(strings, shape, self._rate(level, stage, s, inputscale))

    def _rate(self, level: float | None, stage: int, s: int | None, inputscale: float) -> float | _Rate | None:
        if stage not in (1, 2) or (s is not None and not 0 <= s < self.level_count) or not 0 <= inputscale < 1e6:
            raise ConfigError(
                f"stage {stage}, s {s}, inputscale {inputscale}; allowed: stage 1 or 2, s from 0 to "
                f"{self.level_count - 1}, a positive scale or 0"
            )
        if stage == 1:
            return _Rate(None)
        if inputscale:
            return _Rate(float(inputscale))
        return level if s is None else float(s)

    def update(self, *args: Any, scale: Any = None, **kwargs: Any) -> bool:
        """As everywhere; CompressAI's `scale` is not needed: tables of every rate are made where they are."""
        return super().update(*args, **kwargs)

    @classmethod
    def from_state_dict(cls, state_dict: dict[str, Tensor], vr_entbttlnck: bool | None = None) -> VariableRate:
        """A codec of the size that the checkpoint has, with its weights, and with the bottleneck that it has."""
        state_dict = {key: value for key, value in state_dict.items() if key != "QuantOffset"}
        variable = any(key.startswith("gayn2zqstep.") for key in state_dict)
        if vr_entbttlnck not in (None, variable):
            raise ConfigError(f"vr_entbttlnck is {vr_entbttlnck}; these weights have {variable}")
        sizes = state_dict["g_a.0.weight"].size(0), state_dict["g_a.6.weight"].size(0)
        model = cls(*sizes, **({"vr_entbttlnck": True} if variable else {}))
        model.load_state_dict(state_dict)
        return model


def _three_layers(inputs: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
    )  # fmt: skip


class ScaleHyperpriorVbr(VariableRate):
    """`bmshj2018-hyperprior-vbr`: see `VariableRate`."""


class MeanScaleHyperpriorVbr(VariableRate, MeanScaleHyperprior):
    """`mbt2018-mean-vbr`: see `VariableRate`."""

    def __init__(self, N: int = 192, M: int = 320, vr_entbttlnck: bool = False):
        super().__init__(N, M, vr_entbttlnck)


class JointAutoregressiveHierarchicalPriorsVbr(VariableRate, JointAutoregressiveHierarchicalPriors):
    """`mbt2018-vbr`: see `VariableRate`; what the context gives is shifted with the gain.

    Training predicts from decoded values, as coding does: they are found along wavefronts.
    """

    def __init__(self, N: int = 192, M: int = 320):
        super().__init__(N, M)
        self.scale_to_context = nn.Linear(1, 2 * self.M)

    def _gained_y(self, plain: RasterScanLatentCodec, gain: float) -> RasterScanLatentCodec:
        shift = self.scale_to_context.weight[:, 0].double() * gain + self.scale_to_context.bias.double()
        y = {"y": super()._gained_y(plain.y, gain)}
        networks = plain.entropy_parameters, plain.context_prediction
        return RasterScanLatentCodec(y, *networks, context_shift=shift, recursive=True)
