# SPDX-License-Identifier: Apache-2.0
"""Quantized coefficients of 8x8 blocks, plane by plane of frequencies, each under what the ones before it tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from torch import nn

from tinify import registry
from tinify.entropy_models.block_contexts import SIGNS, BlockContexts, sizes_of, tokens_of
from tinify.entropy_models.edge import EdgeModel
from tinify.entropy_models.neighbourhood import BINS
from tinify.entropy_models.tables import SYMBOLS_PER_BYTE
from tinify.errors import ConfigError, FormatError, LimitError
from tinify.latent_codecs.block_schedule import BESIDE, GROUPS, NEAR, PLANES
from tinify.latent_codecs.block_walk import BlockWalk, Step

LARGEST_VALUE = (1 << 15) - 1
_SMOOTH = 2  # classes of smooth planes: luma, and the others

Planes = list[np.ndarray]


class BlockPlanes(nn.Module):
    """Codes coefficients of up to four components, int32 (64, h, w), planes along JPEG's zigzag, sizes of their own.

        smooth planes ─► edge predictor           ──────────────────────────────────────┐
        planes from 1: section ─► component ─► plane ─► phase ─► expected sizes, signs ─┴─► tables ─► coder

    A string of the smooth planes, and one for each of `sections`, which are ranges of planes up to these: the first
    strings decode without the others. What is expected comes from dequantized coefficients, so every table of steps
    goes. Of each plane the encoder chooses the cheapest set of tables.
    """

    def __init__(
        self, contexts: BlockContexts, edges: EdgeModel, sections: Sequence[int] = (5, 20, 63), coder: str = "rans32"
    ):
        super().__init__()
        if (contexts.groups, contexts.near, contexts.beside) != (GROUPS, NEAR, BESIDE) or edges.classes != _SMOOTH:
            raise ConfigError(
                f"contexts of other groups and taps than {GROUPS}, {NEAR}, {BESIDE}, or not {_SMOOTH} edges"
            )
        ends = list(sections)
        if not ends or ends[-1] != PLANES - 1 or sorted(set(ends)) != ends or ends[0] < 1:
            raise ConfigError(f"sections end at {ends}; allowed: rising planes from 1, the last one {PLANES - 1}")
        self.contexts, self.edges, self.sections = contexts, edges, tuple(ends)
        self.coder = registry.build("coder", coder)
        self._made: tuple[tuple, Any] = ((), None)

    def encode(self, planes: Planes, steps: Planes) -> list[bytes]:
        """The strings of coefficients of each component, at most 32767; steps (64,) of each, 1 to 65535."""
        edge_tables, tables = self._tables()
        bits, changes, chosen = self.contexts.bits(), self.contexts.change_bits(), self.contexts.sets
        encoder = self.coder.encoder()
        for component, q in enumerate(planes):
            self.edges.encode(q[:1], encoder, edge_tables, min(component, _SMOOTH - 1))
        last = [int(np.flatnonzero(q.any((1, 2))).max(initial=0)) for q in planes]
        strings, walk = [bytes(last) + encoder.finish()], BlockWalk(self.contexts, planes, steps)
        for parts in self._parts(last, planes):
            for component, plane in parts:
                found = [self._look(walk, step) for step in walk.steps(component, plane)]
                costs = sum(_cost(bits, step.sizes, token) for step, _, token, _ in found)
                before, chosen = chosen, int((costs + changes[chosen]).argmin())
                encoder.push(np.array([chosen], np.int32), self._change_row(before), tables)
                for step, values, token, low in found:
                    self._push(encoder, tables, chosen, step, values, token, low)
            strings.append(encoder.finish() if parts else b"")
        return strings

    def decode(self, strings: list[bytes], sizes: list[tuple[int, int]], steps: Planes) -> Planes:
        """Coefficients of each component of these sizes (h, w); zeros in the planes of strings that are not there.

        FormatError, DesyncError, LimitError."""
        count = len(sizes)
        if not 1 <= len(strings) <= 1 + len(self.sections) or len(strings[0]) < count or not 1 <= count <= 4:
            raise FormatError(
                f"{len(strings)} strings of {count} components; allowed: 1 to {1 + len(self.sections)}, 1 to 4"
            )
        if PLANES * sum(height * width for height, width in sizes) > SYMBOLS_PER_BYTE * sum(map(len, strings)):
            raise LimitError(f"{sum(map(len, strings))} bytes do not hold blocks of {sizes}")
        edge_tables, tables = self._tables()
        last, decoder = list(strings[0][:count]), self.coder.decoder(strings[0][count:])
        if max(last) >= PLANES:
            raise FormatError(f"the last planes are {last}; there are {PLANES}")
        planes = [np.zeros((PLANES, *size), np.int32) for size in sizes]
        for component, q in enumerate(planes):
            q[:1] = _checked(self.edges.decode(q[:1].shape, decoder, edge_tables, min(component, _SMOOTH - 1)))
        decoder.finish()
        walk, chosen = BlockWalk(self.contexts, planes, steps), self.contexts.sets
        for parts, string in zip(self._parts(last, planes), strings[1:], strict=False):
            decoder = self.coder.decoder(string) if parts else None
            for component, plane in parts:
                chosen = self._pull_set(decoder, chosen, tables)
                for step in walk.steps(component, plane):
                    walk.write(step, self._pull(decoder, tables, chosen, step))
            if decoder is not None:
                decoder.finish()
        return planes

    def look(self, planes: Planes, steps: Planes) -> Iterator[tuple[Step, np.ndarray]]:
        """The steps of known coefficients, with these, in the order of coding."""
        walk = BlockWalk(self.contexts, planes, steps)
        for parts in self._parts([PLANES - 1] * len(planes), planes):
            for part in parts:
                for step in walk.steps(*part):
                    yield step, walk.values(step)

    def _parts(self, last: list[int], planes: Planes) -> Iterator[list[tuple[int, int]]]:
        """Of each section its (component, plane)."""
        first = 1
        for end in self.sections:
            yield [
                (component, plane)
                for component, q in enumerate(planes) if q.size
                for plane in range(first, min(end, last[component]) + 1)
            ]  # fmt: skip
            first = end + 1

    @staticmethod
    def _look(walk: BlockWalk, step: Step) -> tuple[Step, np.ndarray, np.ndarray, np.ndarray]:
        values = walk.values(step)
        return (step, values, *tokens_of(np.abs(values)))

    def _push(self, encoder, tables, chosen: int, step: Step, values, token, low) -> None:
        model = self.contexts
        encoder.push(token, _rows(chosen, step.sizes), tables)
        more = low > 0
        if more.any():
            bits = low[more]
            encoder.push(np.abs(values[more]) & ((1 << bits) - 1), (model.first_low + bits).astype(np.int32), tables)
        some = values != 0
        if some.any():
            agree = (values[some] < 0) == (step.values[some] < 0)
            encoder.push(agree.astype(np.int32), self._sign_rows(step.values[some], np.abs(values[some])), tables)

    def _pull(self, decoder, tables, chosen: int, step: Step) -> np.ndarray:
        values, low = sizes_of(decoder.pull(_rows(chosen, step.sizes), tables))
        more = low > 0
        if more.any():
            bits = decoder.pull((self.contexts.first_low + low[more]).astype(np.int32), tables)
            if ((bits < 0) | (bits >> low[more] != 0)).any():
                raise FormatError("low bits are more than there are: the stream is damaged")
            values[more] += bits
        _checked(values)
        some = values != 0
        if some.any():
            expected = step.values[some]
            agree = decoder.pull(self._sign_rows(expected, values[some]), tables)
            if ((agree != 0) & (agree != 1)).any():
                raise FormatError("a sign is neither: the stream is damaged")
            values[some] = np.where((agree == 1) == (expected < 0), -values[some], values[some])
        return values

    def _sign_rows(self, expected: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        bins = np.where(expected < 0, ~expected, expected).astype(np.int32)
        return self.contexts.first_sign + bins * SIGNS + np.minimum(sizes, SIGNS) - 1

    def _pull_set(self, decoder, before: int, tables) -> int:
        chosen = int(decoder.pull(self._change_row(before), tables)[0])
        if not 0 <= chosen < self.contexts.sets:
            raise FormatError(f"the stream names set {chosen}; there are {self.contexts.sets}: it is damaged")
        return chosen

    def _change_row(self, before: int) -> np.ndarray:
        return np.array([self.contexts.first_change + before], np.int32)

    def _tables(self) -> tuple[Any, Any]:
        """The coder's handles of the smooth planes' tables and of the others'."""
        model = self.contexts
        state = tuple(
            (id(b), b._version) for b in (self.edges.frequencies, model.frequencies, model.signs, model.changes)
        )
        if self._made[0] != state:
            self._made = (state, (self.coder.tables(*self.edges.tables()), self.coder.tables(*model.tables())))
        return self._made[1]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "_made": ((), None)}


def _rows(chosen: int, bins: np.ndarray) -> np.ndarray:
    return bins.astype(np.uint16) + np.uint16(chosen * BINS)


def _checked(values: np.ndarray) -> np.ndarray:
    if np.abs(values).max(initial=0) > LARGEST_VALUE:
        raise FormatError("a coefficient leaves its range: the stream is damaged")
    return values


def _cost(bits: np.ndarray, bins: np.ndarray, token: np.ndarray) -> np.ndarray:
    """Bits (sets,) of tokens under each set of tables."""
    sets, rows, width = bits.shape
    cells = bins.ravel() * np.int64(width) + np.minimum(token.ravel(), width - 1)
    counts = np.bincount(cells, minlength=rows * width)
    used = np.flatnonzero(counts)
    return bits.reshape(sets, -1)[:, used] @ counts[used].astype(np.float32)
