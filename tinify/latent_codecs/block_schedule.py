# SPDX-License-Identifier: Apache-2.0
"""The order of the planes of 8x8 block transforms, coarse to fine, and what each coefficient is expected from."""

from __future__ import annotations

from functools import cache

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

Tap = tuple[str, int, int, int]
"""(whose, plane, rows down, columns to the right): "own", "luma" as means over the blocks that cover it, "before"."""

NEAR = _COARSER + _COARSER_BESIDE * len(_CROSS) + len(_CROSS + _CORNERS + _FAR) + 1 + len(_CROSS) + 1 + 8
BESIDE = 4 * SIDE + len(_CORNERS) + 2 * (SIDE - 1) + 1
GROUPS = CLASSES * (PLANES - 1) * len(PHASES)


def group_of(component: int, plane: int, phase: int) -> int:
    """The weights of a plane from 1 on of a component, in a phase."""
    return (min(component, CLASSES - 1) * (PLANES - 1) + plane - 1) * len(PHASES) + phase


@cache
def near(component: int, plane: int) -> tuple[Tap | None, ...]:
    """NEAR taps whose sizes tell the size of a coefficient; None where there is none."""
    coarser = _nearest(plane)
    taps: list[Tap | None] = [*_some([("own", k, 0, 0) for k in coarser[:_COARSER]], _COARSER)]
    taps += _some([("own", k, i, j) for k in coarser[:_COARSER_BESIDE] for i, j in _CROSS], 4 * _COARSER_BESIDE)
    taps += [("own", plane, i, j) for i, j in _CROSS + _CORNERS + _FAR]
    taps += _some([("luma", plane, i, j) for i, j in [(0, 0), *_CROSS]] if component else [], 5)
    taps += _some(
        [("before", plane, i, j) for i, j in [(0, 0), *_CROSS, *_CORNERS]] if component in (2, 3) else [], 9
    )  # fmt: skip
    return tuple(taps)


@cache
def beside(component: int, plane: int) -> tuple[Tap | None, ...]:
    """BESIDE taps whose values tell the sign: along the row of frequencies of the blocks left and right, along the
    column of those above and below, both in the block itself; the smooth plane at the corners; the colour before."""
    v, u = FREQUENCIES[plane]
    row = [FREQUENCIES.index((v, x)) for x in range(SIDE)]
    column = [FREQUENCIES.index((y, u)) for y in range(SIDE)]
    taps: list[Tap | None] = []
    for planes, places in ((row, [(0, -1), (0, 1)]), (column, [(-1, 0), (1, 0)])):
        for i, j in places:
            taps += [("own", k, i, j) if k <= plane else None for k in planes]
    taps += [("own", 0, i, j) if plane <= 4 else None for i, j in _CORNERS]
    taps += _some([("own", k, 0, 0) for k in row[:u]], SIDE - 1) + _some(
        [("own", k, 0, 0) for k in column[:v]], SIDE - 1
    )
    return (*taps, ("before", plane, 0, 0) if component in (2, 3) else None)


def _nearest(plane: int) -> list[int]:
    """Planes from 1 on that come before, nearest frequencies first, and of those finer in one way last."""
    v, u = FREQUENCIES[plane]
    far = [
        (abs(v - y) + abs(u - x) + 0.3 * (y > v or x > u), k) for k, (y, x) in enumerate(FREQUENCIES[:plane]) if k > 0
    ]
    return [k for _, k in sorted(far)]


def _some(taps: list[Tap], count: int) -> list[Tap | None]:
    return [*taps, *[None] * (count - len(taps))]
