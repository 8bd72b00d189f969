# SPDX-License-Identifier: Apache-2.0
"""A masked convolution and what follows it, step by step at some places, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from tinify import _core
from tinify.errors import ConfigError
from tinify.layers.fixed_order import Matrix, Pointwise
from tinify.layers.prepared import Prepared

_LEADS = (4, 2, 1)


class Around:
    """y_hat (B, C, H, W) as far as it is known, with a border of zeros, and a masked convolution at some places.

    `places` are numbers row * W + column, int64 (n,). `shift` (out,) is added to the sums.
    """

    def __init__(self, network: nn.Module, shift: Tensor | None, shape: tuple):
        weight = network.weight
        if weight.shape[1] != shape[1]:
            raise ConfigError(
                f"a context of {weight.shape[1]} channels over a latent of {shape[1]}; they must be the same"
            )
        self.shape, self.reach = shape, weight.shape[2] // 2
        self.down, self.right, self.matrix = _taps(network)
        self.shift = None if shift is None else shift.detach().float()
        batch, channels, height, width = shape
        self.across = width + 2 * self.reach
        self.known = np.zeros((batch, (height + 2 * self.reach) * self.across, channels), np.float32)
        self.offsets = self.down * self.across + self.right

    def context(self, places: Tensor) -> Tensor:
        """(B, n, out)."""
        rows = np.arange(len(self.known))[:, None] * self.known.shape[1] + self._padded(places)
        found = self.matrix.sums(self.known.reshape(-1, self.shape[1]), rows.ravel(), self.offsets)
        found = torch.from_numpy(found)[:, : self.matrix.columns].reshape(*rows.shape, self.matrix.columns)
        return found if self.shift is None else found + self.shift

    def nothing(self, places: Tensor) -> Tensor:
        return torch.zeros(len(self.known), len(places), self.matrix.columns)

    def put(self, places: Tensor, values: Tensor) -> None:
        """values (B, C, n)."""
        self.known[:, self._padded(places)] = values.transpose(1, 2).numpy()

    def y_hat(self) -> Tensor:
        batch, channels, height, width = self.shape
        rows = torch.from_numpy(self.known).view(batch, height + 2 * self.reach, self.across, channels)
        inside = rows[:, self.reach : self.reach + height, self.reach : self.reach + width]
        return inside.permute(0, 3, 1, 2).contiguous()

    def walk(self, steps: list[Tensor], side: Tensor, network: Pointwise, threads: int) -> Iterator[Tensor]:
        """What `network`, which begins with a matrix, makes of side (B, H W, S) and the context side by side: (B, n,
        out) for each step, the same as with `context`. The values of a step must have been put before the next."""
        items, order = np.arange(len(side)), torch.cat(steps)
        where = (self._padded(order)[:, None] + items * self.known.shape[1]).ravel()
        starts = np.cumsum([0, *map(len, steps)]) * len(items)
        first, (matrix, *after), layers, rest = network.native(side.shape[2])
        places = (order.numpy()[:, None] + items * side.shape[1]).ravel()
        sums = first.sums(side.reshape(-1, side.shape[2]).numpy(), places, np.zeros(1, np.int64))
        layers = [(matrix.panels, sums, *after), *layers]
        walk = _core.OrderedWalk(
            self.known.reshape(-1, self.shape[1]), where, starts, self.offsets, self._stages(steps),
            self.matrix.panels, self.matrix.bias, self._padded_shift(), layers, threads,
        )  # fmt: skip
        for step in steps:
            y = np.empty((len(step) * len(items), 32 * len(layers[-1][0])), np.float32)
            walk.step(y)
            yield rest(torch.from_numpy(y).view(len(step), len(items), -1).transpose(0, 1))

    def _stages(self, steps: list[Tensor]) -> np.ndarray:
        """How many taps, with all before them, are known so many steps before they are needed: (stages, 2)."""
        number = np.full(self.known.shape[1], -_LEADS[0], np.int64)  # what lies outside is known from the beginning
        places = self._padded(torch.cat(steps))
        now = number[places] = np.repeat(np.arange(len(steps)), [len(step) for step in steps])
        leads = [(now - number[places + offset]).min() for offset in self.offsets]
        known = np.minimum.accumulate(leads)
        stages = [[int((known >= lead).sum()), lead] for lead in _LEADS[:-1]]
        return np.array([stage for stage in stages if stage[0]] + [[len(leads), 1]], np.int64)

    def _padded(self, places: Tensor) -> np.ndarray:
        rows, columns = np.divmod(places.numpy(), self.shape[3])
        return (rows + self.reach) * self.across + columns + self.reach

    def _padded_shift(self) -> np.ndarray | None:
        return None if self.shift is None else np.pad(self.shift.numpy(), (0, len(self.matrix.bias) - len(self.shift)))


def _make_taps(network: nn.Module) -> tuple[np.ndarray, np.ndarray, Matrix]:
    """Rows and columns of the taps that the mask leaves, from the middle, and the matrix over taps and channels."""
    weight, mask = network.weight.detach(), network.mask
    rows, columns = (mask != 0).flatten(0, 1).any(0).nonzero(as_tuple=True)
    matrix = Matrix((weight * mask)[:, :, rows, columns].permute(2, 1, 0).flatten(0, 1), network.bias)
    reach = weight.shape[2] // 2
    return (rows - reach).numpy(), (columns - reach).numpy(), matrix


_taps = Prepared(_make_taps)
