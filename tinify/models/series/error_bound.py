# SPDX-License-Identifier: Apache-2.0
"""How far a restored value may be from the original: absolute, or relative to the range or deviation of its channel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinify.errors import ConfigError
from tinify.models.series.gaps import gap_codes
from tinify.models.series.normalisation import Moments

UNITS = ("absolute", "range", "sigma")
_MOST = float(np.finfo(np.float64).max)


@dataclass(frozen=True)
class ErrorBound:
    """`value`, at least 0, or one for each channel (C,); 0 asks for every bit. ConfigError otherwise.

    of: "absolute"; "range", times the largest less the smallest number of the channel over the whole series; "sigma",
    times its standard deviation.
    """

    value: Any
    of: str = "absolute"

    def __post_init__(self) -> None:
        try:
            value = np.asarray(self.value, dtype=np.float64)
        except (TypeError, ValueError):
            raise ConfigError(f"the error bound is {self.value!r}; it must be a number") from None
        if value.ndim > 1 or not (np.isfinite(value).all() and (value >= 0).all()):
            raise ConfigError(f"the error bound is {self.value}; allowed: finite numbers of at least 0")
        if self.of not in UNITS:
            raise ConfigError(f"the error bound is of {self.of!r}; allowed: {', '.join(UNITS)}")

    @classmethod
    def given(cls, max_error: Any, lossless: bool = False) -> ErrorBound | None:
        """The bound that a caller names: a number, an ErrorBound, or `lossless`; None without any."""
        if lossless:
            if max_error is not None:
                raise ConfigError("max_error and lossless exclude each other; give one of them")
            return cls(0.0)
        return max_error if max_error is None or isinstance(max_error, cls) else cls(max_error)

    def resolve(self, channels: int, parts: Iterable[Extent]) -> np.ndarray:
        """eps (C,) float64 of a series with these parts. ConfigError for values of other channels."""
        value = np.asarray(self.value, dtype=np.float64)
        if value.ndim and value.shape != (channels,):
            raise ConfigError(f"{value.size} error bounds for {channels} channels; give one, or one for each")
        parts = list(parts)
        if self.of == "absolute" or not parts:
            return np.broadcast_to(value, (channels,)).copy()
        unit = Extent.range_of_all(parts) if self.of == "range" else Extent.deviation_of_all(parts)
        with np.errstate(over="ignore"):
            return np.minimum(value * unit, _MOST)


@dataclass(frozen=True)
class Limits:
    """eps (C,) float64, and whether what comes back is written as text: with the decimals that a column had, or, where
    it has no fixed number of them, with the digits of a float32, so that both have to be within eps."""

    eps: np.ndarray
    text: bool = False


@dataclass(frozen=True)
class Extent:
    """Least and largest number (C,) of rows of a series, and their moments; gaps left out."""

    low: np.ndarray
    high: np.ndarray
    moments: Moments

    @classmethod
    def of(cls, samples: np.ndarray) -> Extent:
        """Of samples (T, C)."""
        valid = gap_codes(samples) == 0
        x = samples.astype(np.float64)
        low = np.where(valid, x, np.inf).min(axis=0, initial=np.inf)
        high = np.where(valid, x, -np.inf).max(axis=0, initial=-np.inf)
        return cls(low, high, Moments.of(x, valid))  # of float64: a bound is exact

    @staticmethod
    def range_of_all(parts: list[Extent]) -> np.ndarray:
        """(C,): 0 of a channel of gaps."""
        low = np.min([part.low for part in parts], axis=0)
        high = np.max([part.high for part in parts], axis=0)
        some = low <= high
        with np.errstate(over="ignore"):
            return np.minimum(np.where(some, high, 0.0) - np.where(some, low, 0.0), _MOST)

    @staticmethod
    def deviation_of_all(parts: list[Extent]) -> np.ndarray:
        """(C,): 0 of a constant channel."""
        spread = Extent.range_of_all(parts) > 0
        return np.where(spread, Moments.deviation_of_all([part.moments for part in parts]), 0.0)
