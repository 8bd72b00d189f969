# SPDX-License-Identifier: Apache-2.0
"""In which order the places of a plane are coded: whole, as a checkerboard, in four phases."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Lattice:
    """The places (top + i step, left + j step) of a plane: a quarter of it at step 2, all of it at step 1."""

    top: int = 0
    left: int = 0
    step: int = 1

    @property
    def where(self) -> tuple[slice, slice]:
        return slice(self.top, None, self.step), slice(self.left, None, self.step)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """How many rows and columns of a plane it has."""
        return -(-max(height - self.top, 0) // self.step), -(-max(width - self.left, 0) // self.step)


Phases = tuple[tuple[Lattice, ...], ...]
"""Phases in their order; of a phase no place helps to predict another, so that all can be coded at once."""

WHOLE: Phases = ((Lattice(),),)
CHECKERBOARD: Phases = ((Lattice(0, 0, 2), Lattice(1, 1, 2)), (Lattice(0, 1, 2), Lattice(1, 0, 2)))
"""Source: He et al. 2021, arXiv:2103.15306."""
FOUR_PHASES: Phases = ((Lattice(0, 0, 2),), (Lattice(1, 1, 2),), (Lattice(0, 1, 2),), (Lattice(1, 0, 2),))
