# SPDX-License-Identifier: Apache-2.0
"""Processor time a symbol, and bytes, of this plugin's coders beside core's, under the same tables.

python benchmark.py
"""

from __future__ import annotations

import time

import numpy as np

from tinify import registry

CODERS = ("rans32", "rans64", "rangecoder", "constriction-range", "constriction-ans")
ROWS, COUNT, REPEATS = 64, 1 << 16, 9


def tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaussians of 64 widths as integer tables, 41 bins each and one for what is outside."""
    centres = np.arange(-20, 21)
    shares = np.exp(-0.5 * (centres / np.geomspace(0.3, 6, ROWS)[:, None]) ** 2)
    counts = np.floor(shares / shares.sum(axis=1, keepdims=True) * (65536 - 64)).astype(np.int64) + 1
    counts[:, 20] += 65535 - counts.sum(axis=1)
    cdfs = np.zeros((ROWS, 43), np.int32)
    cdfs[:, 1:-1], cdfs[:, -1] = counts.cumsum(axis=1), 65536
    return cdfs, np.full(ROWS, 43, np.int32), np.full(ROWS, -20, np.int32)


def symbols_of(indexes: np.ndarray, cdfs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    places = rng.integers(0, 65535, len(indexes))
    return np.array([np.searchsorted(cdfs[i], p, "right") - 21 for i, p in zip(indexes, places, strict=True)], np.int32)


def least(call) -> float:
    def once() -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    return min(once() for _ in range(REPEATS)) / COUNT * 1e9


def main() -> None:
    rng, arrays = np.random.default_rng(0), tables()
    latents = {
        "runs of 1024": np.repeat(np.arange(ROWS), COUNT // ROWS),
        "a row each": rng.integers(0, ROWS, COUNT),
    }
    print("| coder | symbols | encode, ns | decode, ns | bytes |\n| --- | --- | --- | --- | --- |")
    for what, indexes in latents.items():
        indexes = indexes.astype(np.uint8)
        symbols = symbols_of(indexes, arrays[0], rng)
        for name in CODERS:
            coder = registry.build("coder", name)
            handle = coder.tables(*arrays)
            data = coder.encode(symbols, indexes, handle)
            assert np.array_equal(coder.decode(data, indexes, handle), symbols)
            encode = least(lambda: coder.encode(symbols, indexes, handle))  # noqa: B023
            decode = least(lambda: coder.decode(data, indexes, handle))  # noqa: B023
            print(f"| `{name}` | {what} | {encode:.0f} | {decode:.0f} | {len(data)} |")


if __name__ == "__main__":
    main()
