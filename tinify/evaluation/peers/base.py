# SPDX-License-Identifier: Apache-2.0
"""A codec of others, seen as what a rate-distortion run needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import numpy as np

from tinify.errors import ConfigError, InputError, MissingExtraError
from tinify.evaluation.setting import LOSSLESS, Bound, Setting

CLOSE = 0.005  # of a size: near enough to stop looking


@dataclass(frozen=True)
class Peer:
    """Samples to the bytes of a whole file and back, by a library of the extra `peers` (or of Pillow).

    `settings` are those of a curve, `scale` says what they are; `grid` holds, of a picture's peer, every setting from
    coarse to fine, for the search of a size; `variants`, added to a setting, give files of sizes near to its own, where
    the grid is too wide to meet a size. `encoder(samples, setting)`, `decoder(data)`. `lossless(samples)`: for
    LOSSLESS, where the peer has it. Pictures are (H, W, 3) uint8, series (T, C).
    """

    name: str
    modality: str
    library: str
    settings: tuple[Setting, ...]
    scale: str
    encoder: Callable[[np.ndarray, Setting], bytes]
    decoder: Callable[[bytes], np.ndarray]
    grid: Sequence[float] = ()
    variants: tuple[float, ...] = ()
    lossless: Callable[[np.ndarray], bytes] | None = None
    summary: str = ""

    @property
    def qualities(self) -> tuple[Setting, ...]:
        return self.settings

    def missing(self) -> str | None:
        """Why it cannot be had here; None where it can."""
        if find_spec(self.library) is not None:
            return None
        return f'{self.name} needs the library {self.library}: pip install "tinify-codec[peers]"'

    def made_by(self) -> str:
        """The library with its version."""
        name = {"PIL": "pillow"}.get(self.library, self.library)
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            return name

    def check(self, setting: Setting) -> None:
        """ConfigError for a setting that the peer does not have."""
        if isinstance(setting, Bound):
            possible = self.modality == "series" or (setting == LOSSLESS and self.lossless is not None)
        else:
            possible = len(self.grid) > 0 and self.grid[0] <= setting <= self.grid[-1]
        if not possible:
            also = " or lossless" if self.lossless and self.modality == "image" else ""
            what = f"an error bound of {setting}" if isinstance(setting, Bound) else f"{setting:g}"
            raise ConfigError(f"{self.name} at {what}: its settings are {self.scale}{also}")

    def encode(self, samples: np.ndarray, setting: Setting) -> bytes:
        """ConfigError for a setting, InputError for samples that it does not take, MissingExtraError."""
        if self.modality == "image" and (samples.dtype != np.uint8 or samples.ndim != 3 or samples.shape[2] != 3):
            raise InputError(f"{self.name} takes (H, W, 3) uint8, not {samples.dtype} {samples.shape}")
        self.check(setting)
        self._require()
        samples = np.ascontiguousarray(samples)
        if setting == LOSSLESS and self.lossless is not None:
            return self.lossless(samples)
        return self.encoder(samples, setting)

    def decode(self, data: bytes) -> np.ndarray:
        self._require()
        return self.decoder(data)

    def _require(self) -> None:
        reason = self.missing()
        if reason:
            raise MissingExtraError(reason)


@dataclass(frozen=True)
class SizedFile:
    """What `encode_to_size` found."""

    data: bytes
    quality: float


def encode_to_size(peer: Peer, picture: np.ndarray, size: int, closest: bool = False) -> SizedFile:
    """The coarsest setting whose file has at least `size` bytes, or the finest when none has.

    The peer never gets fewer bytes than it is compared with, so what it loses by is no matter of rounding. With
    `closest`, the file nearest to `size`, whether above or below.
    """
    low, high = 0, len(peer.grid) - 1
    files: dict[float, bytes] = {}

    def at(quality: float) -> bytes:
        if quality not in files:
            files[quality] = peer.encode(picture, quality)
        return files[quality]

    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if len(at(peer.grid[middle])) >= size else (middle + 1, high)
    quality = peer.grid[low]
    if closest:
        around = [quality, peer.grid[max(low - 1, 0)]]
        around += [one + more for more in peer.variants for one in around if one + more <= peer.grid[-1]]
        for one in around:
            if abs(len(at(one)) - size) < abs(len(at(quality)) - size):
                quality = one
            if abs(len(at(quality)) - size) <= CLOSE * size:
                break
    return SizedFile(at(quality), quality)
