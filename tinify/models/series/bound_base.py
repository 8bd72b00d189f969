# SPDX-License-Identifier: Apache-2.0
"""A codec's own coarse file under a series within an error bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinify.container import CRITICAL, PAYLOAD, Section, pack_body, pack_strings, unpack_body, unpack_strings
from tinify.errors import FormatError
from tinify.models.series.gaps import fill_gaps, gap_codes
from tinify.models.series.normalisation import Normalisation
from tinify.models.series.on_grids import Series

if TYPE_CHECKING:
    from tinify.models.series.files import SeriesFiles

_NORMALISATION = 16 | CRITICAL


@dataclass(frozen=True)
class Base:
    """The bytes of a base, and what they give: y_hat (T, C) float64, 0 in channels without a base."""

    data: bytes
    y_hat: np.ndarray


@dataclass(frozen=True)
class BaseMaker:
    """Makes bases of `z` (T, C) float32, a normalised series; `own` when the scales are in the codec's weights."""

    codec: SeriesFiles
    eps: np.ndarray
    scale: Normalisation
    own: bool
    z: np.ndarray

    @classmethod
    def of(cls, codec: SeriesFiles, series: Series) -> BaseMaker:
        codes = gap_codes(series.samples)  # `series.codes` says nothing of channels that are kept verbatim
        with np.errstate(over="ignore"):
            scale = codec.normalisation_of(series.samples, codes == 0)
        own = scale is None
        if own:
            scale = codec.checked_normalisation(series.samples.shape[1])
        elif codec.base_in_bounds:
            scale = scale.in_units(np.where(series.eps > 0, series.eps, 1.0))
        return cls(codec, series.eps, scale, own, scale.apply(fill_gaps(series.samples, codes)))

    def qualities(self, possible: np.ndarray) -> tuple[float, ...]:
        """Those worth trying for the channels (C,) bool."""
        bounds = self.eps[possible] / self.scale.scale[possible]
        return self.codec.base_qualities(float(np.exp(np.log(bounds).mean())))

    def make(self, rows: slice, chosen: np.ndarray, quality: float) -> Base:
        """The base of some rows of the channels chosen (C,) bool; of all, where the scales are the codec's own."""
        chosen = np.ones_like(chosen) if self.own else chosen
        params, strings = self.codec.encode_base(np.ascontiguousarray(self.z[rows][:, chosen]), quality)
        scale = Normalisation(self.scale.offset[chosen], self.scale.scale[chosen], self.scale.digits)
        stored = () if self.own else (Section(_NORMALISATION, scale.pack()),)
        data = pack_body(params, (*stored, Section(PAYLOAD, pack_strings(strings))))
        return Base(data, _restored(self.codec, scale, params, strings, self.z[rows].shape[0], chosen))


def read_base(codec: SeriesFiles, data: bytes, rows: int, chosen: np.ndarray) -> np.ndarray:
    """y_hat (rows, C) float64 of a base of the channels chosen (C,) bool. FormatError, DesyncError."""
    body = unpack_body(data)
    stored = body.find(_NORMALISATION)
    chosen = np.ones_like(chosen) if stored is None else chosen
    count = int(chosen.sum())
    scale = codec.checked_normalisation(count) if stored is None else Normalisation.unpack(stored, count)
    if not (scale.scale > 0).all():
        raise FormatError("a channel that has a base is marked as constant")
    return _restored(codec, scale, body.params, unpack_strings(body.require(PAYLOAD)), rows, chosen)


def _restored(codec, scale: Normalisation, params: bytes, strings: list, rows: int, chosen: np.ndarray) -> np.ndarray:
    y_hat = np.zeros((rows, len(chosen)))
    y_hat[:, chosen] = scale.undo(codec.decode_series(params, strings, rows, int(chosen.sum())))
    return y_hat
