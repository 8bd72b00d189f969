# SPDX-License-Identifier: Apache-2.0
"""A series codec of rounding and zlib: the file level of series without weights, in a few lines."""

import zlib

import numpy as np

from tinify.errors import FormatError
from tinify.models.base import Codec
from tinify.models.series.files import SeriesFiles
from tinify.models.series.normalisation import Normalisation


class Rounding(SeriesFiles, Codec):
    """Rounds to 2^(-quality / 10) of a deviation."""

    modality = "series"
    patch = 1
    name = "rounding"

    def encode_series(self, z, quality):
        rate = int(50 if quality is None else quality)
        q = np.rint(z * 2.0 ** (rate / 10)).astype("<i4")
        return bytes([rate]), [[zlib.compress(q.tobytes(), 1)]]

    def decode_series(self, params, strings, rows, channels):
        try:
            q = np.frombuffer(zlib.decompress(strings[0][0]), "<i4").reshape(rows, channels)
            return (q / 2.0 ** (params[0] / 10)).astype(np.float32)
        except (zlib.error, ValueError, IndexError) as error:
            raise FormatError(f"damaged: {error}") from error


class Fitted(Rounding):
    """Has offset 5 and scale 2 in its weights, for two channels."""

    def normalisation_of(self, samples, valid):
        return None if samples.shape[1] == 2 else super().normalisation_of(samples, valid)

    def own_normalisation(self, channels):
        return Normalisation(np.full(2, 5.0), np.full(2, 2.0))


def walk(rows: int, channels: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, channels)).cumsum(axis=0).astype(np.float32)
