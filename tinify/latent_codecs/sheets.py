# SPDX-License-Identifier: Apache-2.0
"""Planes of one size under each other, with what their numbers can be predicted from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tinify import _core
from tinify.latent_codecs.lattices import Lattice, Phases

BORDER = 4

Tap = tuple[int, int, int]
"""(plane, rows down, columns to the right): the place of a neighbour, at most BORDER away."""


@dataclass(frozen=True)
class Part:
    """One plane to code.

    `where` it is in the arrays of the latent (number of the array, then an index), its own `plane` of the sheet, the
    `group` of its first phase (one for each phase follows), and its `taps`, None where a neighbour does not exist.
    """

    where: tuple
    plane: int
    group: int
    taps: Sequence[Tap | None]


@dataclass(frozen=True)
class Smooth:
    """Planes that an edge predictor codes: `where` they are, as (planes, H, W), and the class of the first of them."""

    where: tuple
    first_class: int = 0


class Sheet:
    """Sizes min(|q|, 255) of `planes` planes of one size, zero where nothing is known yet, and the parts to code.

    A schedule makes sheets in their order, each with what earlier ones tell already filled in.
    """

    def __init__(self, planes: int, height: int, width: int, parts: Sequence[Part] = ()):
        self.height, self.width, self.parts = height, width, list(parts)
        self.across = width + 2 * BORDER
        self.down = height + 2 * BORDER
        self.sizes = np.zeros(planes * self.down * self.across, np.uint8)

    def plane(self, number: int) -> np.ndarray:
        """The sizes (H, W) of a plane, to look at or to fill."""
        planes = self.sizes.reshape(-1, self.down, self.across)
        return planes[number, BORDER : BORDER + self.height, BORDER : BORDER + self.width]

    def place(self, plane: int, row: int = 0, column: int = 0) -> int:
        return (plane * self.down + row + BORDER) * self.across + column + BORDER

    def bins(self, part: Part, lattice: Lattice, size: tuple[int, int], weights: np.ndarray, table: np.ndarray):
        """uint8 of `size`: the bins of weighted sums around the numbers of a lattice of this part."""
        used = [(tap, weight) for tap, weight in zip(part.taps, weights, strict=True) if weight and tap is not None]
        home = self.place(part.plane)
        offsets = np.array([self.place(*tap) - home for tap, _ in used], np.int64)
        out = np.empty(size, np.uint8)
        first = self.place(part.plane, lattice.top, lattice.left)
        _core.neighbourhood_bins(self.sizes, first, lattice.step * self.across, lattice.step, offsets,
                                 np.array([weight for _, weight in used], np.uint16), table, out)  # fmt: skip
        return out

    def put(self, part: Part, lattice: Lattice, values: np.ndarray) -> None:
        """Notes the sizes of int32 values of a lattice of this part."""
        first = self.place(part.plane, lattice.top, lattice.left)
        _core.put_sizes(self.sizes, first, lattice.step * self.across, lattice.step, values)


class Schedule(Protocol):
    """In which order arrays (C, H, W) of integers are coded, and what each number is predicted from.

    `groups` of numbers that are predicted alike, each from `taps` neighbours; `phases` of every plane.
    """

    groups: int
    taps: int
    phases: Phases

    def smooth(self, shapes: Sequence[tuple[int, int, int]]) -> list[Smooth]:
        """What is coded first, by an edge predictor, of arrays of these shapes."""

    def sheets(self, shapes: Sequence[tuple[int, int, int]]) -> Iterator[Sheet]:
        """All other planes, sheet by sheet; each is to be coded before the next one is asked for."""


def at(arrays: Sequence[np.ndarray], where: tuple) -> np.ndarray:
    """The view of an array that `where` says."""
    return arrays[where[0]][where[1:]]
