# SPDX-License-Identifier: Apache-2.0
"""The way through the planes of block transforms: what is expected of each, and what it tells the ones after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinify.entropy_models.block_contexts import BlockContexts
from tinify.latent_codecs.block_schedule import BEFORE, LUMA, PHASES, beside, group_of, near
from tinify.latent_codecs.block_sheet import BlockSheet
from tinify.latent_codecs.lattices import Lattice


@dataclass(frozen=True)
class Step:
    """Coefficients that are coded at once: a lattice of a plane, and the bins of what is expected of their sizes
    (uint8) and values (int8, the complement where it is negative)."""

    component: int
    plane: int
    group: int
    lattice: Lattice
    sizes: np.ndarray
    values: np.ndarray


class BlockWalk:
    """Planes (64, h, w) of each component whose smooth planes are known, and the others as far as they are coded.

    for step in walk.steps(component, plane):  # what was expected
        walk.write(step, values)               # what it is; not needed where `planes` have it already
    """

    def __init__(self, contexts: BlockContexts, planes: list[np.ndarray], steps: list[np.ndarray]):
        self.planes, self.steps_of, self.bins, self.weights = planes, steps, contexts.bins, contexts.weights()
        self.sheets = [BlockSheet(*q.shape[1:], others=number > 0) for number, q in enumerate(planes)]
        for sheet, q, step in zip(self.sheets, planes, steps, strict=True):
            if q.size:
                sheet.put_smooth(q[0], int(step[0]))

    def steps(self, component: int, plane: int) -> Iterator[Step]:
        """The steps of a plane; of the components before, it is to be known whole."""
        sheet, step = self.sheets[component], int(self.steps_of[component][plane])
        if component:
            self._tell(component, plane)
        taps = near(component, plane), beside(component, plane)
        for phase, (lattice,) in enumerate(PHASES):
            size, group = lattice.size(sheet.height, sheet.width), group_of(component, plane, phase)
            if not (size[0] and size[1]):
                continue
            weights = self.weights[0][group], int(self.weights[1][group]), self.weights[2][group]
            found = sheet.expect(plane, lattice, size, taps, weights, step, self.bins)
            one = Step(component, plane, group, lattice, *found)
            yield one
            sheet.put(plane, lattice, step, self.values(one))

    def values(self, step: Step) -> np.ndarray:
        return np.ascontiguousarray(self.planes[step.component][step.plane][step.lattice.where])

    def write(self, step: Step, values: np.ndarray) -> None:
        self.planes[step.component][step.plane][step.lattice.where] = values

    def _tell(self, component: int, plane: int) -> None:
        """A plane of luma, as means over the blocks that cover one of this component, and of the component before."""
        sheet = self.sheets[component]
        luma, before = (
            self.planes[c][plane].astype(np.int64) * int(self.steps_of[c][plane]) for c in (0, component - 1)
        )
        sheet.put_whole(LUMA, plane, _means(np.abs(luma), sheet.height, sheet.width))
        if component > 1 and before.shape == (sheet.height, sheet.width):
            sheet.put_whole(BEFORE, plane, before)


def _means(sizes: np.ndarray, height: int, width: int) -> np.ndarray:
    """(height, width) int64: rounded means of as many of `sizes` as lie on each place, from the upper left on."""
    down, across = (max(1, -(-size // count)) for size, count in zip(sizes.shape, (height, width), strict=True))
    whole = np.zeros((height * down, width * across), np.int64)
    part = sizes[: whole.shape[0], : whole.shape[1]]
    whole[: part.shape[0], : part.shape[1]] = part
    sums = whole.reshape(height, down, width, across).sum((1, 3))
    return (sums + down * across // 2) // (down * across)
