# SPDX-License-Identifier: Apache-2.0
"""The order of the planes of 8x8 block transforms, coarse to fine, and what each coefficient is expected from."""

from __future__ import annotations

from functools import cache

import numpy as np

from tinify.latent_codecs.lattices import FOUR_PHASES, Phases

SIDE, PLANES = 8, 64
# Rows and columns of frequencies along JPEG's zigzag.
FREQUENCIES = tuple(
    sorted(
        ((v, u) for v in range(SIDE) for u in range(SIDE)), key=lambda f: (sum(f), f[0] if sum(f) % 2 else f[1])
    )
)  # fmt: skip
PHASES: Phases = FOUR_PHASES
CLASSES = 3  # luma, the first difference of colours, the second

_CROSS = [(-1, 0), (0, -1), (0, 1), (1, 0)]
_CORNERS = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
_FAR = [(-2, 0), (0, -2), (0, 2), (2, 0)]
_COARSER, _COARSER_BESIDE = 12, 3  # frequencies that sizes are expected from, in the block and in those beside

OWN, LUMA, BEFORE, NOBODY = 0, 1, 2, -1
"""Whose coefficients: of the component, of luma as means of sizes over the blocks that cover one, of the one before."""
Tap = tuple[int, int, int, int]
"""(whose, plane, rows down, columns to the right); NOBODY's where there is no such neighbour."""

_NONE = (NOBODY, 0, 0, 0)

NEAR = _COARSER + _COARSER_BESIDE * len(_CROSS) + len(_CROSS + _CORNERS + _FAR) + 1 + len(_CROSS) + 1 + 8
BESIDE = 4 * SIDE + len(_CORNERS) + 2 * (SIDE - 1) + 1
GROUPS = CLASSES * (PLANES - 1) * len(PHASES)


def group_of(component: int, plane: int, phase: int) -> int:
    """The weights of a plane from 1 on of a component, in a phase."""
    return (min(component, CLASSES - 1) * (PLANES - 1) + plane - 1) * len(PHASES) + phase


@cache
def near(component: int, plane: int) -> np.ndarray:
    """Taps (NEAR, 4) whose sizes tell the size of a coefficient."""
    coarser = _nearest(plane)
    taps = [*_some([(OWN, k, 0, 0) for k in coarser[:_COARSER]], _COARSER)]
    taps += _some([(OWN, k, i, j) for k in coarser[:_COARSER_BESIDE] for i, j in _CROSS], 4 * _COARSER_BESIDE)
    taps += [(OWN, plane, i, j) for i, j in _CROSS + _CORNERS + _FAR]
    taps += _some([(LUMA, plane, i, j) for i, j in [(0, 0), *_CROSS]] if component else [], 5)
    taps += _some(
        [(BEFORE, plane, i, j) for i, j in [(0, 0), *_CROSS, *_CORNERS]] if component in (2, 3) else [], 9
    )  # fmt: skip
    return np.array(taps)


@cache
def beside(component: int, plane: int) -> np.ndarray:
    """Taps (BESIDE, 4) whose values tell the sign: along the row of frequencies of the blocks left and right, along the
    column of those above and below, both in the block itself; the smooth plane at the corners; the colour before."""
    v, u = FREQUENCIES[plane]
    row = [FREQUENCIES.index((v, x)) for x in range(SIDE)]
    column = [FREQUENCIES.index((y, u)) for y in range(SIDE)]
    taps: list[Tap] = []
    for planes, places in ((row, [(0, -1), (0, 1)]), (column, [(-1, 0), (1, 0)])):
        for i, j in places:
            taps += [(OWN, k, i, j) if k <= plane else _NONE for k in planes]
    taps += [(OWN, 0, i, j) if plane <= 4 else _NONE for i, j in _CORNERS]
    taps += _some([(OWN, k, 0, 0) for k in row[:u]], SIDE - 1) + _some([(OWN, k, 0, 0) for k in column[:v]], SIDE - 1)
    return np.array([*taps, (BEFORE, plane, 0, 0) if component in (2, 3) else _NONE])


def _nearest(plane: int) -> list[int]:
    """Planes from 1 on that come before, nearest frequencies first, and of those finer in one way last."""
    v, u = FREQUENCIES[plane]
    far = [
        (abs(v - y) + abs(u - x) + 0.3 * (y > v or x > u), k) for k, (y, x) in enumerate(FREQUENCIES[:plane]) if k > 0
    ]
    return [k for _, k in sorted(far)]


def _some(taps: list[Tap], count: int) -> list[Tap]:
    return [*taps, *[_NONE] * (count - len(taps))]
