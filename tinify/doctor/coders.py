# SPDX-License-Identifier: Apache-2.0
"""Every coder, on every set of kernels, codes known symbols to known bytes and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinify.doctor.finding import REINSTALL, Finding, broken

_COUNT, _BINS = 3000, 40
# First 16 digits of the SHA-256 of the stream of `known_case`. Bytes of a coder never change.
KNOWN = {"rans32": "8dea9336c00ce477", "rans64": "746717393bc76012", "rangecoder": "6b92f998f6796586"}


def check() -> Iterator[Finding]:
    from tinify import _core, registry
    from tinify.doctor.native import usable_kernels

    before = _core.simd()
    try:
        for row in registry.components("coder"):
            yield _checked(row.name, usable_kernels(_core))
    finally:
        _core.use_simd(before)


def known_case() -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Tables, symbols and indexes, by arithmetic of integers alone; some symbols are escaped."""
    state, values = 2024, []
    for _ in range(2 * _COUNT):
        state = (state * 1103515245 + 12345) % 2**31
        values.append(state >> 8)
    first, second = np.array(values[::2]), np.array(values[1::2])
    rows = []
    for row in range(3):
        counts = 1 + 1500 * 16 // (1 + (row + 1) * (np.arange(_BINS) - 20) ** 2)
        rows.append(np.concatenate([[0], np.cumsum(counts * 60_000 // counts.sum() + 1), [65536]]))
    symbols = (second % 64 % 11 * (second % 3 - 1)).astype(np.int32)
    symbols[::101] = 70_000 + first[::101] % 1000
    tables = np.stack(rows), np.full(3, _BINS + 2), np.full(3, -20)
    return tables, symbols, (first % 3).astype(np.uint8)


def digest(stream: bytes) -> str:
    return hashlib.sha256(stream).hexdigest()[:16]


def _checked(name: str, kernels: list[str]) -> Finding:
    from tinify import _core, registry

    what, step = f"coder {name}", REINSTALL if name in KNOWN else "`tinify plugins --check`, and tell its authors"
    try:
        coder = registry.build("coder", name)
        for kernel in kernels:
            _core.use_simd(kernel)
            fault = _fault(coder, KNOWN.get(name))
            if fault:
                return broken(what, f"{fault}, with the kernels {kernel}", step)
    except Exception as error:  # a plugin's coder may raise anything
        return broken(what, f"{type(error).__name__}: {error}", step)
    found = "known symbols to known bytes and back" if name in KNOWN else "known symbols there and back"
    return Finding(what, f"{found}, with {', '.join(kernels)}")


def _fault(coder: Any, expected: str | None) -> str:
    tables, symbols, indexes = known_case()
    handle = coder.tables(*tables)
    stream = coder.encode(symbols, indexes, handle)
    if expected is not None and digest(stream) != expected:
        return f"the stream is {digest(stream)}, not {expected}"
    if not np.array_equal(coder.decode(stream, indexes, handle), symbols):
        return "the symbols do not come back"
    return ""
