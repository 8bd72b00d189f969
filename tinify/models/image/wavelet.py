# SPDX-License-Identifier: Apache-2.0
"""What picture codecs of a wavelet share: colours, transform, steps, and pictures without loss."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tinify.errors import ConfigError, FormatError, InputError
from tinify.latent_codecs.base import by_item
from tinify.models.base import Codec
from tinify.models.image.files import ImageFiles
from tinify.quantizers.base import Quantizer
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput
from tinify.transforms.colour import YCBCR_STEPS, YcbcrAnalysis, YcbcrSynthesis
from tinify.transforms.lifting import LiftingAnalysis, LiftingSynthesis
from tinify.transforms.reversible import ReversibleColours

_COARSEST, _OCTAVES = 256.0, 9.0  # step at quality 0, of a range of 255, and how often it halves up to quality 100
_LEVELS = 256  # of a rate, between two whole ones


class WaveletCodec(ImageFiles, Codec):
    """A wavelet, a quantizer, and an entropy coding of integers that the subclass has.

             ┌─────┐   ┌───────────┐  y  ┌─────┐ q ┌──────────────┐       ┌──────────┐ y_hat ┌───────┐
        x ─►─┤YCbCr├─►─┤9/7 wavelet├──►──┤round├─►─┤entropy coding├──···──┤points of ├───►───┤inverse├─►─ x_hat
             └─────┘   └───────────┘     └─────┘   └──────────────┘       │magnitudes│       └───────┘
                                                                          └──────────┘

    x (B, 3, H, W) in [0, 1], of any size; `levels` of the wavelet. The level of a rate is a quality q in [0, 100]: the
    step is 256 / 2^(9 q / 100) of a range of 255. Without loss it is a reversible transform of colours and the 5/3
    wavelet of integers, under the same tables or contexts. Every number that selects a bit is an integer, so files
    decode to the same numbers on any machine, and pictures differ by an ulp before rounding at most.

    Source: ITU-T T.800 (9/7 and 5/3 wavelets).
    """

    modality: ClassVar[str] = "image"
    default_quality: ClassVar[float] = 50.0
    downsampling_factor: ClassVar[int] = 1
    has_levels: ClassVar[bool] = True
    has_lossless: ClassVar[bool] = True
    quantizer: Quantizer

    def __init__(self, levels: int = 5):
        super().__init__()
        if not 1 <= levels <= 12:
            raise ConfigError(f"levels is {levels}; allowed: 1 to 12")
        self.levels = int(levels)
        self.colour, self.colour_back = YcbcrAnalysis(), YcbcrSynthesis()
        self.wavelet, self.wavelet_back = LiftingAnalysis("9/7", levels), LiftingSynthesis("9/7", levels)
        self.exact, self.exact_back = LiftingAnalysis("5/3", levels), LiftingSynthesis("5/3", levels)
        self.reversible = ReversibleColours()

    @abstractmethod
    def choose(self, y: Tensor, step: Tensor) -> Tensor:
        """Symbols int32 of subbands y (C, H, W), at steps (C, 1, 1)."""

    @abstractmethod
    def encode(self, q: np.ndarray) -> list[bytes]:
        """The strings of int32 q (C, H, W), one a stream."""

    @abstractmethod
    def decode(self, strings: list[bytes], shape: tuple[int, int, int]) -> np.ndarray:
        """q (C, H, W) of its strings. FormatError, DesyncError."""

    def reconstruct(self, q: Tensor, step: Tensor) -> Tensor:
        """Subbands y_hat of symbols (C, H, W), where they lie on average."""
        return self.quantizer.dequantize(q, step)

    def level_of(self, quality: float) -> float:
        """The level of a quality in [0, 100], on the grid that a file can store."""
        if not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        return round(quality * _LEVELS) / _LEVELS

    def shape_for(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    @torch.no_grad()
    def forward(self, x: Tensor, level: float | None = None) -> ForwardOutput:
        """What x becomes, and the probability that the bits of all of it have on average; no gradient."""
        out = self.compress(x, level)
        bits = 8 * sum(len(string) for stream in out.strings for string in stream)
        x_hat = self.decompress(out.strings, out.shape, level).x_hat
        return ForwardOutput(x_hat, {"y": torch.full_like(x, 2.0 ** -(bits / max(x.numel(), 1)))})

    @torch.no_grad()
    def compress(self, x: Tensor, level: float | None = None) -> CompressOutput:
        """Streams of a string for each picture of x (B, 3, H, W), and the shape (H, W)."""
        step = self.step_of(level)
        items = [self.encode(self.choose(y, step).numpy()) for y in self.analysis(x)]
        return CompressOutput([list(stream) for stream in zip(*items, strict=True)], tuple(x.shape[-2:]))

    @torch.no_grad()
    def decompress(
        self, strings: list[list[bytes]], shape: tuple[int, int], level: float | None = None, skip: int = 0
    ) -> DecompressOutput:
        """x_hat (B, 3, H, W) in [0, 1]; with `skip`, where the codec has `halvings`, at 1 / 2^skip of that size."""
        step = self.step_of(level)
        given, size = ({"skip": skip}, {"size": shape}) if skip else ({}, {})
        symbols = [torch.from_numpy(self.decode(item, (3, *shape), **given)) for item in by_item(strings)]
        y_hat = torch.stack([self.reconstruct(q, step) for q in symbols])
        return DecompressOutput(self.synthesis(y_hat, **given, **size))

    @torch.no_grad()
    def compress_lossless(self, x: Tensor) -> list[list[bytes]]:
        """Strings of x (C, H, W) int32: reversible colours, if there are three, and the 5/3 wavelet of integers.

        The first string of three colours begins with the number of their transform."""
        number = self.reversible.choose(x) if len(x) == 3 else 0
        strings = self.encode(self.exact_analysis(x, number).numpy())
        head = bytes([number]) if len(x) == 3 else b""
        return [[head + strings[0]], *([string] for string in strings[1:])]

    @torch.no_grad()
    def decompress_lossless(
        self, strings: list[list[bytes]], shape: tuple[int, int, int], skip: int = 0, peak: int = 255
    ) -> Tensor:
        """x (C, H, W) int32 within 0 to `peak`; `skip` as `decompress`. FormatError, DesyncError."""
        items, number = [stream[0] for stream in strings], None
        if shape[0] == 3 and items:
            number, items[0] = int.from_bytes(items[0][:1], "little"), items[0][1:]
        y = self.decode(items, shape, **({"skip": skip} if skip else {}))
        x = self.exact_back(torch.from_numpy(y), skip, shape[1:])
        x = x if number is None else self.reversible.synthesis(x, number)
        if skip:
            return x.clamp_(0, peak)  # means of samples overshoot at edges
        if x.min() < 0 or x.max() > peak:
            raise FormatError(f"a sample is beyond 0 to {peak}: the file is damaged")
        return x

    def exact_analysis(self, x: Tensor, number: int = 0) -> Tensor:
        """Subbands (C, H, W) int32 of x (C, H, W) int32, from which x comes back exactly; the number of the transform
        of its colours, if there are three."""
        return self.exact(self.reversible.analysis(x, number) if len(x) == 3 else x)

    def analysis(self, x: Tensor) -> Tensor:
        """Subbands y (B, 3, H, W) of Y, Cb, Cr, in a range of 255, of x in [0, 1]."""
        return self.wavelet(self.colour(255 * x.float().contiguous() - 128))

    def synthesis(self, y_hat: Tensor, skip: int = 0, size: tuple[int, int] | None = None) -> Tensor:
        """x_hat in [0, 1] of subbands; skip, size as of `LiftingSynthesis`."""
        return self.colour_back(self.wavelet_back(y_hat, skip, size)).add_(128).div_(255).clamp_(0, 1)

    def step_of(self, level: float | None) -> Tensor:
        """Steps (3, 1, 1) of Y, Cb, Cr at a level; None is the default's."""
        level = self.level_of(self.default_quality) if level is None else level
        return _COARSEST * 2.0 ** (-_OCTAVES * level / 100) * torch.tensor(YCBCR_STEPS)[:, None, None]
