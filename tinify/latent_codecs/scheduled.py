# SPDX-License-Identifier: Apache-2.0
"""Integers in the order of a schedule, each under the table that the ones before it choose."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tinify import _core, registry
from tinify.entropy_models.edge import EdgeModel
from tinify.entropy_models.neighbourhood import BINS, Neighbourhood
from tinify.entropy_models.tables import SYMBOLS_PER_BYTE
from tinify.errors import ConfigError, FormatError
from tinify.latent_codecs.base import LatentCodec, LatentForward, LatentStrings, LatentValues, by_item
from tinify.latent_codecs.lattices import Lattice
from tinify.latent_codecs.sheets import Part, Schedule, Sheet, at
from tinify.quantizers.table_bits import TableBits


@dataclass(frozen=True)
class Step:
    """Numbers that are coded at once: `values` of a lattice of a part, with the `bins` of what is around them."""

    part: Part
    group: int
    lattice: Lattice
    bins: np.ndarray
    values: np.ndarray

    def count(self, counts: np.ndarray) -> None:
        """Adds to counts (BINS, sizes) int64 how often each magnitude comes in each bin; the last one is open."""
        _core.count_sizes(self.bins, self.values, counts)


class ScheduledLatentCodec(LatentCodec):
    """Codes integers y (B, C, H, W): smooth planes by an edge predictor, all others sheet by sheet, phase by phase.

        schedule ──► sheets ──► parts ──► phases ──► lattice of a plane: bins of what is around ──► tables ──► coder

    Of each part the encoder chooses the cheapest set of tables. Where the encoder puts a number the decoder has it
    too, before it is looked at: the bins of a lattice come from finished phases, parts and sheets alone. A stream for
    the smooth planes and one for each sheet with `split`, so that the first ones decode without the others; else one.
    """

    def __init__(
        self,
        schedule: Schedule,
        entropy_model: Neighbourhood,
        edges: EdgeModel,
        split: bool = False,
        coder: str = "rans32",
    ):
        super().__init__()
        if (entropy_model.groups, entropy_model.taps) != (schedule.groups, schedule.taps):
            raise ConfigError(
                f"an entropy model of {entropy_model.groups} groups with {entropy_model.taps} taps; the schedule has "
                f"{schedule.groups} and {schedule.taps}"
            )
        self.schedule, self.entropy_model, self.edges, self.split = schedule, entropy_model, edges, bool(split)
        self.coder = registry.build("coder", coder)
        self._made: tuple[tuple, Any] = ((), None)

    def forward(self, y: Tensor) -> LatentForward:
        """Integers y as they are, and the probability that the bits of all of them have on average; no gradient."""
        bits = 8 * sum(len(string) for string in self.compress(y).strings[0])
        return LatentForward({"y": torch.full(y.shape, 2.0 ** -(bits / max(y.numel(), 1)))}, y)

    @torch.no_grad()
    def compress(self, y: Tensor) -> LatentStrings:
        """A string for each item, or with `split` streams of them; shape: (C, H, W)."""
        items = [self.encode([q]) for q in y.int().contiguous().numpy()]
        return LatentStrings([list(stream) for stream in zip(*items, strict=True)], tuple(y.shape[1:]), y)

    @torch.no_grad()
    def decompress(self, strings: list[list[bytes]], shape: tuple[int, int, int], **kwargs) -> LatentValues:
        items = [self.decode(item, [shape])[0] for item in by_item(strings)]
        return LatentValues(torch.from_numpy(np.stack(items)))

    def encode(self, arrays: Sequence[np.ndarray]) -> list[bytes]:
        """The strings of the int32 arrays (C, H, W) of a latent."""
        edge_tables, tables, _ = self._tables()
        encoder, strings, chosen = self.coder.encoder(), [], self.entropy_model.sets
        shapes = [q.shape for q in arrays]
        for smooth in self.schedule.smooth(shapes):
            self.edges.encode(at(arrays, smooth.where), encoder, edge_tables, smooth.first_class)
        choose = _Choice(self.entropy_model)
        for sheet in self.schedule.sheets(shapes):
            if self.split:
                strings.append(encoder.finish())
                encoder = self.coder.encoder()
            for part in sheet.parts:
                steps = list(self.steps(sheet, part, at(arrays, part.where)))
                if not steps:
                    continue
                before, chosen = chosen, choose(steps)
                encoder.push(np.array([chosen], np.int32), self._change_row(before), tables)
                for step in steps:
                    encoder.push(step.values, self._rows(chosen, step.bins), tables)
        return [*strings, encoder.finish()]

    def table_bits(self) -> TableBits:
        """What symbols cost in each row of `rows`."""
        return self._tables()[2]

    def rows(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Under which row of the tables each number of a latent is coded: int32 (C, H, W); 0 for smooth planes."""
        found, choose = [np.zeros(q.shape, np.int32) for q in arrays], _Choice(self.entropy_model)
        for sheet in self.schedule.sheets([q.shape for q in arrays]):
            for part in sheet.parts:
                steps = list(self.steps(sheet, part, at(arrays, part.where)))
                chosen = choose(steps) if steps else 0
                for step in steps:
                    at(found, part.where)[step.lattice.where] = self._rows(chosen, step.bins)
        return found

    def steps(self, sheet: Sheet, part: Part, plane: np.ndarray) -> Iterator[Step]:
        """The steps of a part of known numbers `plane`, which the sheet learns."""
        for phase, lattice, size in self._lattices(plane.shape):
            group, values = part.group + phase, np.ascontiguousarray(plane[lattice.where])
            weights = self.entropy_model.weights_of(group)
            yield Step(part, group, lattice, sheet.bins(part, lattice, size, weights, self.entropy_model.bins), values)
            sheet.put(part, lattice, values)

    def decode(
        self, strings: list[bytes], shapes: Sequence[tuple[int, int, int]], sheets: int | None = None
    ) -> list[np.ndarray]:
        """The arrays (C, H, W) int32. With `split` the first `sheets` sheets need only their streams, and the one
        before; beyond are zeros. FormatError, DesyncError."""
        count = sum(math.prod(shape) for shape in shapes)
        if count > SYMBOLS_PER_BYTE * sum(map(len, strings)) or not strings:
            raise FormatError(f"{sum(map(len, strings))} bytes do not hold numbers of shapes {list(shapes)}")
        edge_tables, tables, _ = self._tables()
        arrays, left = [np.zeros(shape, np.int32) for shape in shapes], list(strings)
        decoder, chosen = self.coder.decoder(left.pop(0)), self.entropy_model.sets
        for smooth in self.schedule.smooth(shapes):
            plane = at(arrays, smooth.where)
            plane[:] = self.edges.decode(plane.shape, decoder, edge_tables, smooth.first_class)
        for number, sheet in enumerate(self.schedule.sheets(shapes)):
            if number == sheets:
                break
            if self.split:
                decoder.finish()
                if not left:
                    raise FormatError(f"{len(strings)} streams; there is none of sheet {number + 1}")
                decoder = self.coder.decoder(left.pop(0))
            for part in sheet.parts:
                plane = at(arrays, part.where)
                if plane.size:
                    chosen = self._pull_set(decoder, chosen, tables)
                    self._pull(decoder, sheet, part, plane, chosen, tables)
        decoder.finish()
        if left and sheets is None:
            raise FormatError(f"{len(left)} of {len(strings)} streams belong to no sheet: the file is damaged")
        return arrays

    def _pull(self, decoder, sheet: Sheet, part: Part, plane: np.ndarray, chosen: int, tables) -> None:
        for phase, lattice, size in self._lattices(plane.shape):
            weights = self.entropy_model.weights_of(part.group + phase)
            bins = sheet.bins(part, lattice, size, weights, self.entropy_model.bins)
            values = decoder.pull(self._rows(chosen, bins), tables)
            plane[lattice.where] = values
            sheet.put(part, lattice, values)

    def _pull_set(self, decoder, before: int, tables) -> int:
        chosen = int(decoder.pull(self._change_row(before), tables)[0])
        if not 0 <= chosen < self.entropy_model.sets:
            raise FormatError(f"the stream names set {chosen}; there are {self.entropy_model.sets}: it is damaged")
        return chosen

    def _lattices(self, shape: tuple[int, int]) -> Iterator[tuple[int, Lattice, tuple[int, int]]]:
        for phase, lattices in enumerate(self.schedule.phases):
            for lattice in lattices:
                size = lattice.size(*shape)
                if size[0] and size[1]:
                    yield phase, lattice, size

    def _change_row(self, before: int) -> np.ndarray:
        return np.array([self.entropy_model.first_change + before], np.int32)

    @staticmethod
    def _rows(chosen: int, bins: np.ndarray) -> np.ndarray:
        return bins.astype(np.uint16) + np.uint16(chosen * BINS)

    def _tables(self) -> tuple[Any, Any, TableBits]:
        """The coder's handles of the smooth planes' tables and of the others', and the bits of these."""
        model = self.entropy_model
        state = tuple((id(b), b._version) for b in (self.edges.frequencies, model.frequencies, model.changes))
        if self._made[0] != state:
            tables = model.tables()
            made = self.coder.tables(*self.edges.tables()), self.coder.tables(*tables), TableBits(*tables)
            self._made = (state, made)
        return self._made[1]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_made": ((), None)}


class _Choice:
    """Chooses the set of tables that codes a part in the fewest bits, knowing what was chosen for the part before."""

    def __init__(self, model: Neighbourhood):
        self.bits, self.changes, self.before = model.bits(), model.change_bits(), model.sets

    def __call__(self, steps: Sequence[Step]) -> int:
        sets, rows, width = self.bits.shape
        counts = np.zeros((rows, width), np.int64)
        for step in steps:
            step.count(counts)
        used = np.flatnonzero(counts)
        costs = self.bits.reshape(sets, -1)[:, used] @ counts.ravel()[used].astype(np.float32)
        self.before = int((costs + self.changes[self.before]).argmin())
        return self.before
