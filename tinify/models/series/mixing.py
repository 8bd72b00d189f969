# SPDX-License-Identifier: Apache-2.0
"""Channels that move together: a rotation that is small in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinify.errors import FormatError

MOST_ROTATED = 16  # up to so many channels are rotated as a whole; of more, the first few directions are taken out
DIRECTIONS = 3
_WINDOW, _WINDOWS = 64, 512


@dataclass(frozen=True)
class Mixing:
    """Orthonormal directions (C, K) in channel space: mixed = z @ directions (T, K), and back by the transpose.

    With K = C nothing is left over; with K < C what the directions do not explain is coded as well. The file holds the
    directions as K * C signed bytes; both sides make them orthonormal from these in float64.

    Source: Karhunen-Loève transform over channels, as the trained DCT with PCA of the classical peers.
    """

    directions: np.ndarray
    stored: bytes

    @classmethod
    def of(cls, z: np.ndarray) -> Mixing | None:
        """Directions of most power of z (T, C); None for a single channel."""
        channels = z.shape[1]
        if channels < 2 or len(z) < 2:
            return None
        count = channels if channels <= MOST_ROTATED else DIRECTIONS
        top = principal([z])[:, :count]
        coarse = np.rint(top / np.abs(top).max(axis=0) * 127).astype(np.int8)
        return cls.unpack(coarse.tobytes(), channels)

    @property
    def complete(self) -> bool:
        return self.directions.shape[0] == self.directions.shape[1]

    @classmethod
    def unpack(cls, stored: bytes, channels: int) -> Mixing:
        """The mixing of so many channels that the bytes hold. FormatError when they hold none."""
        count, rest = divmod(len(stored), max(channels, 1))
        if rest or not 1 <= count <= channels or (channels > MOST_ROTATED and count > DIRECTIONS):
            raise FormatError(f"{len(stored)} bytes do not hold directions of {channels} channels")
        coarse = np.frombuffer(stored, np.int8).reshape(channels, count).astype(np.float64)
        directions, triangle = np.linalg.qr(coarse)
        if (np.abs(np.diag(triangle)) < 1e-6).any():
            raise FormatError("the directions of the channels are not independent")
        # QR leaves signs open; these follow the bytes.
        return cls((directions * np.sign(np.diag(triangle))).astype(np.float32), stored)

    def mix(self, z: np.ndarray) -> np.ndarray:
        return z @ self.directions

    def unmix(self, mixed: np.ndarray) -> np.ndarray:
        return mixed @ self.directions.T


def principal(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """Orthonormal directions (C, C) of the pieces (T, C), from most power to least.

    Power is that within windows, less their means, and that from row to row, in equal parts: levels wander off in
    directions of their own, and they are not what the coefficients of a block cost.
    """
    windows = [window for z in pieces for window in _windows_of(z, max(1, _WINDOWS // len(pieces)))]
    total = np.zeros((pieces[0].shape[1],) * 2)
    for rows in (
        np.concatenate([w - w.mean(axis=0) for w in windows]),
        np.concatenate([np.diff(w, axis=0) for w in windows]),
    ):
        power = float(np.square(rows).sum())
        total += rows.T @ rows / (power if power > 0 else 1.0)
    return np.linalg.eigh(total)[1][:, ::-1]


def _windows_of(z: np.ndarray, most: int) -> list[np.ndarray]:
    count = min(most, max(1, len(z) // _WINDOW))
    starts = np.linspace(0, max(0, len(z) - _WINDOW), count).astype(int)
    return [z[start : start + _WINDOW].astype(np.float64) for start in starts]
