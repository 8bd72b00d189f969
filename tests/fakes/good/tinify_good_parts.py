# SPDX-License-Identifier: Apache-2.0
"""Small parts of a plugin."""

import numpy as np

from tinify.media import MediaFormat
from tinify.signal import Signal


class Floor:
    """Rounds down to multiples of `step`."""

    def __init__(self, step: float = 1.0, offset: float = 0.0):
        self.step, self.offset = step, offset

    def quantize(self, y):
        return np.floor((np.asarray(y) - self.offset) / self.step).astype(np.int32)

    def dequantize(self, symbols):
        return symbols * self.step + self.offset


RAW = MediaFormat(
    "good-raw", "series", (".goodraw",),
    sniff=lambda start: False,
    read=lambda data, extension: Signal("series", np.frombuffer(data, np.uint8)[:, None]),
    write=lambda signal, file, extension: file.write(signal.samples.tobytes()),
    restores=lambda signal: None,
)  # fmt: skip
