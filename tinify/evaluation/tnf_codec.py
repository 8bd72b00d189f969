# SPDX-License-Identifier: Apache-2.0
"""A tinify codec seen as what a rate-distortion run needs: samples to the bytes of whole files and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinify import api
from tinify.errors import ConfigError
from tinify.evaluation.setting import Bound, Setting, as_options
from tinify.signal import Signal

if TYPE_CHECKING:
    from tinify.models.base import Codec

SETTINGS = {"image": (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 72.0, 85.0), "series": (10.0, 25.0, 40.0, 55.0, 70.0, 85.0)}


class TnfCodec:
    """`encode(samples, setting)` gives a `.tnf` file by `tinify.compress`, `decode(data)` the samples.

    Samples as in `Signal`. Of what a file holds beside them (colour profile, time column) nothing is kept, as the peers
    keep nothing of it.
    """

    def __init__(self, codec: Codec, name: str | None = None):
        self.codec = codec
        self.name = name or codec.name or type(codec).__name__
        self.modality = codec.modality
        self.settings = SETTINGS.get(codec.modality, SETTINGS["series"])

    def check(self, setting: Setting) -> None:
        """ConfigError for a setting that the codec does not have."""
        try:
            if isinstance(setting, Bound):
                api.bound_for(self.codec, setting.value, setting.of)
            else:
                api.check_rate(setting)
        except ConfigError as error:
            raise ConfigError(f"{self.name} at {setting}: {error}") from error

    def encode(self, samples: np.ndarray, setting: Setting) -> bytes:
        return api.compress(Signal(self.modality, samples), self.codec, **as_options(setting))

    def decode(self, data: bytes) -> np.ndarray:
        return api.decompress(data, self.codec)

    def estimate_bits(self, picture: np.ndarray, quality: float) -> float:
        """What the entropy model expects the strings to cost, from `forward` in evaluation mode."""
        import torch

        from tinify.metrics.bits import estimated_bits
        from tinify.ops import pad_to_multiple

        x = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))[None].float() / 255
        x = pad_to_multiple(x, self.codec.downsampling_factor).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            return estimated_bits(self.codec.eval()(x, self.codec.level_of(quality)).likelihoods)
