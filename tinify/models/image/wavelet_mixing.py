# SPDX-License-Identifier: Apache-2.0
"""A picture codec of a wavelet transform, numbers rounded by error and bits, and context mixing."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from tinify.entropy_models.context_mixing import PictureMixing
from tinify.errors import FormatError
from tinify.models.image.rate_choice import choose
from tinify.models.image.restoration import WaveletRestoration
from tinify.models.image.wavelet import WaveletCodec
from tinify.quantizers.deadzone import DeadZone
from tinify.quantizers.rdoq import Rdoq


class WaveletMixing(WaveletCodec):
    """Pictures at every rate, in the fewest bytes.

             ┌────────────┐ y ┌────────────┐ q ┌──────────────┐       ┌──────────┐   ┌───────────┐ y_hat
        x ─►─┤colours, 9/7├─►─┤round, with ├─►─┤context mixing├──···──┤points of ├─►─┤restoration├──►── ···
             └────────────┘   │bits weighed│   └──────────────┘       │magnitudes│   └───────────┘
                              └────────────┘                          └──────────┘

    `restoration`: arguments of a `WaveletRestoration`, which moves decoded numbers within their cells; without it there
    is no network. It has no part in what bits mean: with other instructions a sample may differ by one.

    Source: Mahoney 2005 (context mixing).
    """

    def __init__(self, levels: int = 5, restoration: dict | None = None):
        super().__init__(levels)
        self.quantizer = Rdoq(DeadZone(threshold=0.5), reach=2)
        self.entropy_model = PictureMixing()
        self.restoration = None if restoration is None else WaveletRestoration(levels, **restoration)

    def reconstruct(self, q: Tensor, step: Tensor) -> Tensor:
        y_hat = super().reconstruct(q, step)
        return y_hat if self.restoration is None else self.restoration.restore(y_hat, q, step)

    def choose(self, y: Tensor, step: Tensor) -> Tensor:
        return choose(self.quantizer, y, step, self.levels)

    def encode(self, q: np.ndarray) -> list[bytes]:
        return [self.entropy_model.encode(q, self.levels)]

    def decode(self, strings: list[bytes], shape: tuple[int, int, int]) -> np.ndarray:
        if len(strings) != 1:
            raise FormatError(f"{len(strings)} streams of strings; this codec has one")
        return self.entropy_model.decode(strings[0], shape, self.levels)
