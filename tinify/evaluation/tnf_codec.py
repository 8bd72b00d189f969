# SPDX-License-Identifier: Apache-2.0
"""A tinify codec seen as what a rate-distortion run needs: pictures to the bytes of whole files and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinify import container
from tinify.signal import Signal

if TYPE_CHECKING:
    from tinify.models.base import Codec


class TnfCodec:
    """`encode(picture, quality)` gives a `.tnf` file, `decode(data)` the picture, (H, W, 3) uint8."""

    def __init__(self, codec: Codec, name: str | None = None):
        self.codec = codec
        self.name = name or codec.name or type(codec).__name__

    def encode(self, picture: np.ndarray, quality: float) -> bytes:
        return container.pack(self.codec.pack(Signal("image", picture), quality=quality))

    def decode(self, data: bytes) -> np.ndarray:
        return self.codec.unpack(container.unpack(data)).samples

    def estimate_bits(self, picture: np.ndarray, quality: float) -> float:
        """What the entropy model expects the strings to cost, from `forward` in evaluation mode."""
        import torch

        from tinify.metrics.bits import estimated_bits
        from tinify.ops import pad_to_multiple

        x = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float() / 255
        x = pad_to_multiple(x, self.codec.downsampling_factor).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            return estimated_bits(self.codec.eval()(x, self.codec.level_of(quality)).likelihoods)
