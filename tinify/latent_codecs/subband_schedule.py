# SPDX-License-Identifier: Apache-2.0
"""The order of a wavelet's subbands, coarse to fine, each in four phases, and what each number is predicted from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tinify.latent_codecs.lattices import FOUR_PHASES, Phases
from tinify.latent_codecs.sheets import Part, Sheet, Smooth

_KINDS, _CLASSES = 3, 3
_NEAR = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]
_OWN = [(i, j) for i in range(-2, 3) for j in range(-2, 3) if (i, j) != (0, 0)]
_PARENT = [*_NEAR, (-2, 0), (0, -2), (0, 2), (2, 0)]
_OTHERS = 2  # subbands of the level, and components, that a number looks at


class SubbandSchedule:
    """Sheets of the levels of a wavelet of y (C, H, W) in Mallat's arrangement: of each level HL, LH, HH, of each of
    them the components, of each plane four phases.

        finished phases of its plane ─┐
        one level coarser, there     ─┼──► weighted sum ──► bin
        other subbands of the level  ─┤
        other components             ─┘

    Groups: ((component up to 2) * 3 + subband) * 4 + phase.
    """

    phases: Phases = FOUR_PHASES
    groups = _CLASSES * _KINDS * len(FOUR_PHASES)
    taps = len(_OWN) + len(_PARENT) + 2 * _OTHERS * len(_NEAR)

    def __init__(self, levels: int = 5):
        self.levels = int(levels)

    def sizes(self, height: int, width: int) -> list[tuple[int, int]]:
        """The low-pass picture after 0, 1, ... levels."""
        return [(-(-height // (1 << k)), -(-width // (1 << k))) for k in range(self.levels + 1)]

    def smooth(self, shapes: Sequence[tuple[int, int, int]]) -> list[Smooth]:
        """The low-pass picture of the last level."""
        rows, columns = self.sizes(*shapes[0][1:])[-1]
        return [Smooth((0, slice(None), slice(0, rows), slice(0, columns)))]

    def sheets(self, shapes: Sequence[tuple[int, int, int]]) -> Iterator[Sheet]:
        """The levels from the coarsest on; each is to be coded before the next one is asked for."""
        (components, height, width), before = shapes[0], None
        sizes = self.sizes(height, width)
        for level in range(self.levels, 0, -1):
            (low_height, low_width), (all_height, all_width) = sizes[level], sizes[level - 1]
            places = [
                (slice(0, low_height), slice(low_width, all_width)),
                (slice(low_height, all_height), slice(0, low_width)),
                (slice(low_height, all_height), slice(low_width, all_width)),
            ]
            # Subbands of a level differ by a row and a column at most; the low half is the larger one.
            sheet = Sheet(2 * _KINDS * components, low_height, low_width)
            sheet.parts = [
                Part((0, c, *places[kind]), _plane(c, kind), (min(c, _CLASSES - 1) * _KINDS + kind) * len(self.phases),
                     _taps(c, kind))
                for kind in range(_KINDS) for c in range(components)
            ]  # fmt: skip
            if before is not None:
                _fill_parents(sheet, before, components)
            yield sheet
            before = sheet


def _plane(component: int, kind: int) -> int:
    return 2 * (component * _KINDS + kind)


def _taps(component: int, kind: int) -> list:
    own = _plane(component, kind)
    taps: list = [(own, i, j) for i, j in _OWN]
    taps += [(own + 1, i, j) for i, j in _PARENT]
    sisters = [_plane(component, other) for other in range(kind)][-_OTHERS:]
    before = [_plane(other, kind) for other in range(component)][-_OTHERS:]
    for planes in (sisters, before):
        for number in range(_OTHERS):
            taps += [(planes[number], i, j) if number < len(planes) else None for i, j in _NEAR]
    return taps


def _fill_parents(sheet: Sheet, before: Sheet, components: int) -> None:
    """Each number of the level before stands behind four of this one."""
    for number in range(0, 2 * _KINDS * components, 2):
        coarse, fine = before.plane(number), sheet.plane(number + 1)
        for i in (0, 1):
            for j in (0, 1):
                target = fine[i::2, j::2]
                target[:] = coarse[: target.shape[0], : target.shape[1]]
