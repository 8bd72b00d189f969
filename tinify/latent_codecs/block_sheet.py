# SPDX-License-Identifier: Apache-2.0
"""The dequantized coefficients of a component that are known, laid out so that what is around many is found at once."""

from __future__ import annotations

import numpy as np

from tinify import _core
from tinify.latent_codecs.block_schedule import PLANES, Tap
from tinify.latent_codecs.lattices import Lattice

_OF = {"own": 0, "luma": 1, "before": 2}
_LARGEST = (1 << 15) - 1


class BlockSheet:
    """int16 coefficients * step of 64 planes (h, w), zero where nothing is known yet; with `others` 64 planes more
    each of luma's sizes and of the component before.

    The four places of each 2 x 2 blocks are in planes of their own, with a border, so that all places of a lattice
    follow each other, and so do their neighbours.
    """

    def __init__(self, height: int, width: int, others: bool):
        self.kinds = len(_OF) if others else 1
        self.height, self.width = height, width
        self.down, self.across = -(-height // 2) + 2, -(-width // 2) + 2
        self.values = np.zeros(4 * self.kinds * PLANES * self.down * self.across, np.int16)

    def place(self, tap: Tap, row: int = 0, column: int = 0) -> int:
        whose, plane, down, right = tap
        row, column = row + down, column + right
        plane += PLANES * (_OF[whose] + self.kinds * (2 * (row & 1) + (column & 1)))
        return (plane * self.down + (row >> 1) + 1) * self.across + (column >> 1) + 1

    def expect(self, plane: int, lattice: Lattice, size: tuple[int, int], taps, weights, step: int, bins: np.ndarray):
        """(uint8, int8) of `size`: bins of the sizes to be expected on a lattice of a plane, and of values with sign.

        taps: near and beside; weights: as `BlockContexts.weights_of`."""
        first = self.place(("own", plane, lattice.top, lattice.left))
        near, beside = (
            [(tap, weight) for tap, weight in zip(some, each, strict=True) if weight and tap is not None]
            for some, each in zip(taps, (weights[0], weights[2]), strict=True)
        )
        lists = []
        for used in (near, beside):
            offsets = [self.place(tap, lattice.top, lattice.left) - first for tap, _ in used]
            lists += [np.array(offsets, np.int64), np.array([weight for _, weight in used], np.int32)]
        sizes, values = np.empty(size, np.uint8), np.empty(size, np.int8)
        _core.block_contexts(self.values, first, self.across, *lists, weights[1], step, bins, sizes, values)
        return sizes, values

    def put(self, plane: int, lattice: Lattice, step: int, values: np.ndarray) -> None:
        """Notes int32 values of a lattice of a plane."""
        first = self.place(("own", plane, lattice.top, lattice.left))
        _core.put_coefficients(self.values, first, self.across, step, values)

    def put_smooth(self, values: np.ndarray, step: int) -> None:
        """Notes plane 0, (h, w), also around the borders: a block beyond them is as its neighbour."""
        whole = np.clip(np.pad(values.astype(np.int64) * step, 2, mode="edge"), -_LARGEST, _LARGEST).astype(np.int16)
        for top in (0, 1):
            for left in (0, 1):
                self._phase("own", 0, top, left)[:] = _fitted(whole[top::2, left::2], self.down, self.across)

    def put_whole(self, whose: str, plane: int, values: np.ndarray) -> None:
        """Notes what another component tells of a plane, (h, w), dequantized."""
        values = np.clip(values, -_LARGEST, _LARGEST).astype(np.int16)
        for top in (0, 1):
            for left in (0, 1):
                part = values[top::2, left::2]
                self._phase(whose, plane, top, left)[1 : 1 + part.shape[0], 1 : 1 + part.shape[1]] = part

    def _phase(self, whose: str, plane: int, top: int, left: int) -> np.ndarray:
        number = plane + PLANES * (_OF[whose] + self.kinds * (2 * top + left))
        return self.values.reshape(-1, self.down, self.across)[number]


def _fitted(part: np.ndarray, down: int, across: int) -> np.ndarray:
    """The upper left of a plane; its last row and column again where it is too small."""
    missing = max(down - part.shape[0], 0), max(across - part.shape[1], 0)
    return np.pad(part, [(0, m) for m in missing], mode="edge")[:down, :across]
