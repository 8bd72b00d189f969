# SPDX-License-Identifier: Apache-2.0
"""A folder of `.tnf` files as a torch Dataset."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tinify import api, container
from tinify.errors import ConfigError, InputError, TinifyError

EXTENSION = ".tnf"


class TnfDataset(Dataset):
    """Pictures (C, H, W) or series (T, C), as tensors of the type that was packed, decoded when they are asked for.

        folder ─► files, by name ─► item i ─► codec ─► tensor ─► transform
                               └──► windows of `rows` rows ─► item i ─► the chunks that hold these rows ─► (rows, C)

    source: a folder, which is searched with those below it, or paths. rows: items are windows of so many rows, `stride`
    apart (by default `rows`), of all series; then the heads of all files are read at once. codec: for files whose codec
    is not in the zoo: a codec file, a folder, or a codec. transform: called with each tensor.

    It may be handed to worker processes: they get the paths, and load the codec when they need it.
    Errors: InputError (nothing there), and those of `tinify.decompress`, which begin with the name of the file.
    """

    def __init__(
        self,
        source: str | os.PathLike | Iterable[str | os.PathLike],
        *,
        rows: int | None = None,
        stride: int | None = None,
        codec: Any = None,
        transform: Callable[[Tensor], Any] | None = None,
    ):
        self.files = _files(source)
        self.rows, self.stride, self.codec, self.transform = rows, stride or rows, codec, transform
        self._last: tuple[Path, Any] | None = None
        self._ends: list[int] = []
        if rows is not None:
            if rows < 1 or self.stride < 1:
                raise ConfigError(f"rows is {rows}, stride {self.stride}; allowed: from 1")
            self._ends = list(accumulate(self._windows(file) for file in self.files))

    def __len__(self) -> int:
        if self.rows is None:
            return len(self.files)
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, index: int) -> Any:
        index = range(len(self))[index]  # IndexError, and counting from the end
        samples = self._whole(self.files[index]) if self.rows is None else self._window(index)
        tensor = torch.from_numpy(np.array(samples, samples.dtype.newbyteorder("=")))
        return tensor if self.transform is None else self.transform(tensor)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}

    def _whole(self, file: Path) -> np.ndarray:
        with _naming(file):
            signal = api.decompress_signal(file.read_bytes(), self.codec)
        return signal.samples.transpose(2, 0, 1) if signal.modality == "image" else signal.samples

    def _window(self, index: int) -> np.ndarray:
        number = bisect_right(self._ends, index)
        start = (index - (self._ends[number - 1] if number else 0)) * self.stride
        file = self.files[number]
        with _naming(file):
            return self._reader(file).read(start, start + self.rows, threads=1)

    def _reader(self, file: Path) -> Any:
        """Kept open while windows of this file are asked for."""
        if self._last is None or self._last[0] != file:
            if self._last is not None:
                self._last[1].close()
            self._last = file, api.open(file, self.codec)
        return self._last[1]

    def _windows(self, file: Path) -> int:
        with _naming(file), open(file, "rb") as opened:
            indexed = container.open_entries(opened)
            if indexed is None:
                opened.seek(0)
            head = container.unpack(opened.read()) if indexed is None else indexed.file
        if head.modality != "series" or len(head.shape) != 2:
            raise InputError(f"{file}: holds {head.modality} of shape {head.shape}; windows are of series")
        return max(0, (head.shape[0] - self.rows) // self.stride + 1)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Errors inside begin with the name of the file."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{file}: the file cannot be read: {error.strerror or error}") from error
    except TinifyError as error:
        raise type(error)(f"{file}: {error}") from error


def _files(source: Any) -> list[Path]:
    if not isinstance(source, str | os.PathLike):
        return [Path(path) for path in source]
    folder = Path(source)
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() == EXTENSION and path.is_file())
    if not found:
        raise InputError(f"{folder}: nothing in this folder ends in {EXTENSION}")
    return found
