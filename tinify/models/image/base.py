# SPDX-License-Identifier: Apache-2.0
"""One forward, compress and decompress for every image codec whose latent codec composes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from tinify.errors import InputError
from tinify.latent_codecs import Gain, GainLatentCodec, LatentCodec
from tinify.layers.native import fast_inference
from tinify.models.base import Codec
from tinify.models.entropy_path import check_entropy_path, fit_grids, is_exact
from tinify.models.image.files import ImageFiles
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput


class ImageCodec(ImageFiles, Codec):
    """Analysis, latent codec, synthesis.

               ┌───┐  y  ┌────────────┐ y_hat ┌───┐
        x ──►──┤g_a├──►──┤latent codec├───►───┤g_s├──►── x_hat
               └───┘     └────────────┘       └───┘

    x (B, 3, H, W) in [0, 1], H and W multiples of `downsampling_factor`. With a `gain`, `level` in
    [0, gain.levels - 1] chooses the rate; None means the middle.
    """

    modality: ClassVar[str] = "image"
    g_a: nn.Module
    g_s: nn.Module
    latent_codec: LatentCodec
    gain: Gain | None
    transform_dtype: torch.dtype = torch.float32

    @property
    @abstractmethod
    def downsampling_factor(self) -> int:
        """By how much the coarsest latent is smaller than the picture, in each direction."""

    def shape_for(self, height: int, width: int) -> Any:
        """The `shape` that `decompress` needs for a padded picture of this size."""
        return height // self.downsampling_factor, width // self.downsampling_factor

    def level_of(self, quality: float) -> float | None:
        """The gain level of a quality in [0, 100], on the grid that a file can store; None where there is one rate."""
        if not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        return round(quality / 100 * (self.level_count - 1) * 256) / 256 if self.has_levels else None

    @property
    def level_count(self) -> int:
        """How many rates there are weights for; others are between them. 0 for a codec of one rate."""
        return 0 if self.gain is None else self.gain.levels

    @property
    def has_levels(self) -> bool:
        return self.level_count > 0

    def latent_codec_at(self, level: float | None) -> LatentCodec:
        """The latent codec, with the gain of `level` around it where there is one."""
        if self.gain is None:
            return self.latent_codec
        return GainLatentCodec(self.latent_codec, *self.gain.at((self.gain.levels - 1) / 2 if level is None else level))

    def analysis_at(self, level: float | None) -> Callable[[Tensor], Tensor]:
        """g_a, for a codec whose transforms know the rate that is aimed at."""
        return self.g_a

    def synthesis_at(self, level: float | None) -> Callable[[Tensor], Tensor]:
        """g_s, likewise."""
        return self.g_s

    @property
    def is_portable(self) -> bool:
        return is_exact(self)

    def load_state_dict(self, state_dict: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> Any:
        """As everywhere; weights of an exact entropy path, which bring their grids, make this one exact, too."""
        fit_grids(self, state_dict)
        result = super().load_state_dict(state_dict, *args, **kwargs)
        check_entropy_path(self)
        return result

    def transform(self, network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """What g_a or g_s make of x, float32, in the arithmetic of `transform_dtype` where there is no gradient."""
        if self.transform_dtype == torch.float32 or torch.is_grad_enabled():
            return fast_inference(network)(x)
        with torch.autocast(x.device.type, self.transform_dtype):
            return network(x.contiguous(memory_format=torch.channels_last)).float().contiguous()

    def forward(self, x: Tensor, level: float | None = None) -> ForwardOutput:
        out = self.latent_codec_at(level)(self.transform(self.analysis_at(level), x))
        return ForwardOutput(self.transform(self.synthesis_at(level), out.y_hat), out.likelihoods)

    def compress(self, x: Tensor, level: float | None = None) -> CompressOutput:
        out = self.latent_codec_at(level).compress(self.transform(self.analysis_at(level), x))
        return CompressOutput(out.strings, out.shape)

    def decompress(self, strings: list[list[bytes]], shape: Any, level: float | None = None) -> DecompressOutput:
        y_hat = self.latent_codec_at(level).decompress(strings, shape).y_hat
        return DecompressOutput(self.transform(self.synthesis_at(level), y_hat).clamp_(0, 1))


class HyperpriorCodec(ImageCodec):
    """An `ImageCodec` whose latent codec is a hyperprior: `shape` is that of z, (H / 64, W / 64), as everything else
    follows from it."""

    @property
    def downsampling_factor(self) -> int:
        return 2**6

    def compress(self, x: Tensor, level: float | None = None) -> CompressOutput:
        out = super().compress(x, level)
        return CompressOutput(out.strings, out.shape["hyper"])

    def decompress(self, strings: list[list[bytes]], shape: Any, level: float | None = None) -> DecompressOutput:
        return super().decompress(strings, {"y": None, "hyper": shape}, level)
