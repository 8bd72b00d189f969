# SPDX-License-Identifier: Apache-2.0
"""A picture codec of a wavelet transform and tables that the numbers around choose: fast, and without a network."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tinify.entropy_models.edge import EdgeModel
from tinify.entropy_models.neighbourhood import Neighbourhood
from tinify.errors import FormatError
from tinify.latent_codecs.scheduled import ScheduledLatentCodec
from tinify.latent_codecs.subband_schedule import SubbandSchedule
from tinify.models.image.wavelet import WaveletCodec
from tinify.quantizers.deadzone import DeadZone
from tinify.quantizers.rdoq import Rdoq
from tinify.transforms.colour_samples import samples_of_ycbcr, ycbcr_of_samples

_SLOPE = 0.12  # squared steps that a bit is worth


class WaveletScheduled(WaveletCodec):
    """Pictures at every rate, quickly.

             ┌────────────┐ y ┌────────────┐ q ┌────────────────────────┐
        x ─►─┤colours, 9/7├─►─┤round, with ├─►─┤subbands in four phases,├──···
             └────────────┘   │bits weighed│   │tables by neighbourhood │
                              └─────▲──────┘   └───────────┬────────────┘
                                    └─── bits of tables ───┘

    Integers are rounded; what each would cost under the tables they choose decides which of them become smaller.
    With `split` the levels are streams of their own, so that the beginning of a file is the picture at a smaller size.

    Source: the classical line of JPEG 2000 (ITU-T T.800), with contexts as of `Neighbourhood`.
    """

    def __init__(self, levels: int = 5, sets: int = 8, split: bool = False):
        super().__init__(levels)
        self.quantizer = Rdoq(DeadZone(threshold=0.5), reach=2)
        schedule = SubbandSchedule(levels)
        tables = Neighbourhood(schedule.groups, schedule.taps, sets)
        self.latent_codec = ScheduledLatentCodec(schedule, tables, EdgeModel(), split)
        self.halvings = self.levels if split else 0

    def compress_samples(self, samples: np.ndarray, level: float | None) -> list[list[bytes]]:
        if samples.dtype != np.uint8:
            return super().compress_samples(samples, level)
        colours = samples[:, :, :3] if samples.shape[2] > 2 else np.repeat(samples[:, :, :1], 3, axis=2)
        y = self.wavelet(ycbcr_of_samples(colours))
        return [[string] for string in self.encode(self.choose(y, self.step_of(level)).numpy())]

    def decompress_samples(
        self,
        strings: list[list[bytes]],
        size: tuple[int, int],
        level: float | None,
        grey: bool,
        dtype: str,
        skip: int = 0,
    ) -> np.ndarray:
        if dtype != "uint8":
            given = {"skip": skip} if skip else {}
            return super().decompress_samples(strings, size, level, grey, dtype, **given)
        q = torch.from_numpy(self.decode([stream[0] for stream in strings], (3, *size), skip))
        y_hat = self.quantizer.dequantize(q, self.step_of(level))
        samples = samples_of_ycbcr(self.wavelet_back(y_hat, skip, size))
        return samples[:, :, 1:2].copy() if grey else samples

    def choose(self, y: Tensor, step: Tensor) -> Tensor:
        symbols = self.quantizer.quantize(y, step)
        rows = torch.from_numpy(self.latent_codec.rows([symbols.numpy()])[0])
        chosen = self.quantizer.quantize(y, step, bits=self.latent_codec.table_bits(), rows=rows, lmbda=_SLOPE)
        for smooth in self.latent_codec.schedule.smooth([tuple(y.shape)]):
            chosen[smooth.where[1:]] = symbols[smooth.where[1:]]
        return chosen

    def encode(self, q: np.ndarray) -> list[bytes]:
        return self.latent_codec.encode([q])

    def decode(self, strings: list[bytes], shape: tuple[int, int, int], skip: int = 0) -> np.ndarray:
        if not skip:
            return self.latent_codec.decode(strings, [shape])[0]
        sheets = self.levels - skip
        if len(strings) <= sheets:
            have = f"1/{1 << self.levels - len(strings) + 1} of its size" if strings else "nothing"
            raise FormatError(f"the file is cut off: of the picture it holds {have}, not 1/{1 << skip}")
        rows, columns = self.latent_codec.schedule.sizes(*shape[1:])[skip]
        return self.latent_codec.decode(strings[: sheets + 1], [shape], sheets)[0][:, :rows, :columns]
