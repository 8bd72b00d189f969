# SPDX-License-Identifier: Apache-2.0
"""One codec tried once on one signal: what it wrote, what came back, how long both took."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


class Codec(Protocol):
    """What the demo needs of tinify: the module itself has these two functions."""

    def compress(self, x: np.ndarray, *, quality: float | None = None) -> bytes: ...
    def decompress(self, data: bytes) -> np.ndarray: ...


@dataclass(frozen=True)
class Trial:
    """`label` is the name with what was set; `data` is a whole file, `restored` what was decoded from it.

    Seconds with the codec in memory.
    """

    name: str
    label: str
    data: bytes
    restored: np.ndarray
    encode_s: float
    decode_s: float

    def ratio(self, original_bytes: int) -> float:
        return original_bytes / len(self.data)


def attempt(
    name: str,
    label: str,
    encode: Callable[[], bytes],
    decode: Callable[[bytes], np.ndarray],
    path: Path | None = None,
) -> Trial:
    """Times `encode` and `decode`; with `path`, what is decoded is what was read back from that file."""
    start = time.perf_counter()
    data = encode()
    encoded = time.perf_counter()
    if path is not None:
        path.write_bytes(data)
        data = path.read_bytes()
    ready = time.perf_counter()
    restored = decode(data)
    return Trial(name, label, data, restored, encoded - start, time.perf_counter() - ready)
