# SPDX-License-Identifier: Apache-2.0
"""A picture codec of a wavelet transform, numbers rounded by error and bits, and context mixing."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from tinify.entropy_models.context_mixing import PictureMixing
from tinify.errors import FormatError
from tinify.models.image.rate_choice import choose
from tinify.models.image.wavelet import WaveletCodec
from tinify.quantizers.deadzone import DeadZone
from tinify.quantizers.rdoq import Rdoq


class WaveletMixing(WaveletCodec):
    """Pictures at every rate, without a network, in the fewest bytes.

             ┌────────────┐ y ┌────────────┐ q ┌──────────────┐
        x ─►─┤colours, 9/7├─►─┤round, with ├─►─┤context mixing├──···
             └────────────┘   │bits weighed│   └──────────────┘
                              └────────────┘

    Source: Mahoney 2005 (context mixing).
    """

    def __init__(self, levels: int = 5):
        super().__init__(levels)
        self.quantizer = Rdoq(DeadZone(threshold=0.5), reach=2)
        self.entropy_model = PictureMixing()

    def choose(self, y: Tensor, step: Tensor) -> Tensor:
        return choose(self.quantizer, y, step, self.levels)

    def encode(self, q: np.ndarray) -> list[bytes]:
        return [self.entropy_model.encode(q, self.levels)]

    def decode(self, strings: list[bytes], shape: tuple[int, int, int]) -> np.ndarray:
        if len(strings) != 1:
            raise FormatError(f"{len(strings)} streams of strings; this codec has one")
        return self.entropy_model.decode(strings[0], shape, self.levels)
