# SPDX-License-Identifier: Apache-2.0
"""The dequantized coefficients of a component that are known, laid out so that what is around many is found at once."""

from __future__ import annotations

import numpy as np

from tinify import _core
from tinify.latent_codecs.block_schedule import NOBODY, OWN, PLANES
from tinify.latent_codecs.lattices import Lattice

_KINDS = 3  # whose coefficients a sheet has
_LARGEST = (1 << 15) - 1


class BlockSheet:
    """int16 coefficients * step of 64 planes (h, w), zero where nothing is known yet; with `others` 64 planes more
    each of luma's sizes and of the component before.

    The four places of each 2 x 2 blocks are in planes of their own, with a border, so that all places of a lattice
    follow each other, and so do their neighbours.
    """

    def __init__(self, height: int, width: int, others: bool):
        self.kinds = _KINDS if others else 1
        self.height, self.width = height, width
        self.down, self.across = -(-height // 2) + 2, -(-width // 2) + 2
        self.values = np.zeros(4 * self.kinds * PLANES * self.down * self.across, np.int16)

    def places(self, taps: np.ndarray, lattice: Lattice) -> np.ndarray:
        """int64: where the neighbours that taps (n, 4) name are, of the first place of a lattice."""
        whose, plane, down, right = taps.T
        row, column = lattice.top + down, lattice.left + right
        plane = plane + PLANES * (whose + self.kinds * (2 * (row & 1) + (column & 1)))
        return (plane * self.down + (row >> 1) + 1) * self.across + (column >> 1) + 1

    def first(self, plane: int, lattice: Lattice) -> int:
        """The first place of a lattice of a plane of the component."""
        plane += PLANES * self.kinds * (2 * lattice.top + lattice.left)
        return (plane * self.down + 1) * self.across + 1

    def expect(self, plane: int, lattice: Lattice, size: tuple[int, int], taps, weights, step: int, bins: np.ndarray):
        """(uint8, int8) of `size`: bins of the sizes to be expected on a lattice of a plane, and of values with sign.

        taps: near and beside; weights: theirs and, in between, that of the expected size."""
        first, lists = self.first(plane, lattice), []
        for some, each in ((taps[0], weights[0]), (taps[1], weights[2])):
            used = (each != 0) & (some[:, 0] != NOBODY)
            lists += [self.places(some[used], lattice) - first, each[used]]
        sizes, values = np.empty(size, np.uint8), np.empty(size, np.int8)
        _core.block_contexts(self.values, first, self.across, *lists, weights[1], step, bins, sizes, values)
        return sizes, values

    def put(self, plane: int, lattice: Lattice, step: int, values: np.ndarray) -> None:
        """Notes int32 values of a lattice of a plane."""
        _core.put_coefficients(self.values, self.first(plane, lattice), self.across, step, values)

    def put_smooth(self, values: np.ndarray, step: int) -> None:
        """Notes plane 0, (h, w), also around the borders: a block beyond them is as its neighbour."""
        whole = np.clip(np.pad(values.astype(np.int64) * step, 2, mode="edge"), -_LARGEST, _LARGEST).astype(np.int16)
        for top in (0, 1):
            for left in (0, 1):
                self._phase(OWN, 0, top, left)[:] = _fitted(whole[top::2, left::2], self.down, self.across)

    def put_whole(self, whose: int, plane: int, values: np.ndarray) -> None:
        """Notes what another component tells of a plane, (h, w), dequantized."""
        values = np.clip(values, -_LARGEST, _LARGEST).astype(np.int16)
        for top in (0, 1):
            for left in (0, 1):
                part = values[top::2, left::2]
                self._phase(whose, plane, top, left)[1 : 1 + part.shape[0], 1 : 1 + part.shape[1]] = part

    def _phase(self, whose: int, plane: int, top: int, left: int) -> np.ndarray:
        number = plane + PLANES * (whose + self.kinds * (2 * top + left))
        return self.values.reshape(-1, self.down, self.across)[number]


def _fitted(part: np.ndarray, down: int, across: int) -> np.ndarray:
    """The upper left of a plane; its last row and column again where it is too small."""
    missing = max(down - part.shape[0], 0), max(across - part.shape[1], 0)
    return np.pad(part, [(0, m) for m in missing], mode="edge")[:down, :across]
