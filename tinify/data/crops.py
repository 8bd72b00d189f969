# SPDX-License-Identifier: Apache-2.0
"""Batches of random crops. What is in batch number n follows from the seed and n alone."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tinify.errors import ConfigError


@dataclass(frozen=True)
class Cut:
    """How crops are cut: `crop` x `crop` pixels, mirrored and transposed by the toss of a coin. From windows that are
    up to 1 / `smallest_scale` times larger, and scaled down: their scale is uniform in the logarithm."""

    crop: int = 128
    batch_size: int = 8
    flip: bool = True
    transpose: bool = True
    smallest_scale: float = 1.0


@dataclass(frozen=True)
class Shard:
    """Every `count`-th item of each batch, from item `rank` on: what one of several processes trains on."""

    rank: int = 0
    count: int = 1


class Crops:
    """Batches (B, 3, crop, crop), uint8, channels-last, cut from pictures (H, W, 3) of at least that size.

        pictures ──► picture by area, place, size, flips ──► window ──► scaled to crop x crop

    `batch(number)` is the same whenever and wherever it is asked for: a run can go on at any batch, and the shards of
    several processes are together what one process would have. With a `device`, pictures lie there and crops are cut
    there.
    """

    def __init__(
        self, pictures: list[np.ndarray], cut: Cut, seed: int = 0, shard: Shard = Shard(), device: str | None = None
    ):
        if cut.batch_size % shard.count:
            raise ConfigError(f"data.batch_size: {cut.batch_size} cannot be shared by {shard.count} processes evenly")
        self.cut, self.seed, self.shard, self.device = cut, seed, shard, device
        self._sizes = np.array([p.shape[:2] for p in pictures])
        self._until = np.cumsum(self._sizes.prod(1, dtype=np.float64))
        self._until /= self._until[-1]
        self._window = self._slice
        self._pictures = pictures
        if device is not None:
            self._pictures = [torch.tensor(p, device=device) for p in pictures]

    def batch(self, number: int) -> Tensor:
        """The shard's items of a batch."""
        rows = self.draw(number)[self.shard.rank :: self.shard.count]
        return torch.stack([self._crop(*row) for row in rows.tolist()]).permute(0, 3, 1, 2)

    def draw(self, number: int) -> np.ndarray:
        """int64 (batch_size, 6) of the whole batch: picture, top, left, side of the window, mirrored, transposed."""
        u = np.random.default_rng((self.seed, number)).random((self.cut.batch_size, 6))
        picture = np.searchsorted(self._until, u[:, 0], side="right").clip(max=len(self._sizes) - 1)
        height, width = self._sizes[picture].T
        side = np.rint(self.cut.crop / self.cut.smallest_scale ** u[:, 3]).astype(np.int64)
        side = np.minimum(side, np.minimum(height, width))
        top, left = ((u[:, i] * (n - side + 1)).astype(np.int64) for i, n in ((1, height), (2, width)))
        mirrored, transposed = (u[:, 4] < 0.5) & self.cut.flip, (u[:, 5] < 0.5) & self.cut.transpose
        return np.stack([picture, top, left, side, mirrored, transposed], 1)

    def _crop(self, picture: int, top: int, left: int, side: int, mirrored: int, transposed: int) -> Tensor:
        """(crop, crop, 3)"""
        window = self._window(picture, top, left, side)
        if side != self.cut.crop:
            window = _scaled(window, self.cut.crop)
        window = window.flip(1) if mirrored else window
        return window.transpose(0, 1) if transposed else window

    def _slice(self, picture: int, top: int, left: int, side: int) -> Tensor:
        window = self._pictures[picture][top : top + side, left : left + side]
        # Torch minds arrays that cannot be written to; a copy of what is small is cheap.
        return window if isinstance(window, Tensor) else torch.from_numpy(window.copy())


def _scaled(window: Tensor, side: int) -> Tensor:
    planes = window.permute(2, 0, 1)[None].float()
    planes = F.interpolate(planes, (side, side), mode="bicubic", antialias=True)
    return planes[0].permute(1, 2, 0).round_().clamp_(0, 255).byte()


class Prefetch:
    """Batches from number `first` on, made by a thread while others are used; `with` ends the thread.

    make: a number -> a batch. An exception in it is raised where its batch is asked for.
    """

    def __init__(self, make: Callable[[int], Tensor], first: int = 0, ahead: int = 4):
        self._make, self._first = make, first
        self._queue: queue.Queue = queue.Queue(ahead)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crops", daemon=True)

    def __enter__(self) -> Iterator[Tensor]:
        self._thread.start()
        return self._batches()

    def __exit__(self, *exception) -> None:
        self._end.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.05)  # makes room, so that the thread sees the end
            except queue.Empty:
                continue

    def _run(self) -> None:
        number = self._first
        while not self._end.is_set():
            try:
                item: Tensor | BaseException = self._make(number)
            except BaseException as error:
                item = error
            self._queue.put(item)
            if isinstance(item, BaseException):
                return
            number += 1

    def _batches(self) -> Iterator[Tensor]:
        while True:
            item = self._queue.get()
            if isinstance(item, BaseException):
                raise item
            yield item
