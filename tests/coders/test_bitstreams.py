# SPDX-License-Identifier: Apache-2.0
"""Stored streams must be decoded, and made again, bit for bit, by every later version.

`python -m coders.test_bitstreams` in tests/ writes streams that are missing; it never changes one.
"""

from pathlib import Path

import numpy as np
import pytest

from .coder_cases import CODERS

FOLDER = Path(__file__).parent.parent / "bitstreams"
CASES = ("narrow", "wide", "large")


def stored_case(case):
    """Tables, symbols and indexes made by integer arithmetic alone, so that they are the same everywhere."""
    count = {"narrow": 1500, "wide": 300, "large": 20_000}[case]
    state, values = 12345, []
    for _ in range(2 * count):
        state = (state * 1103515245 + 12345) % 2**31
        values.append(state >> 8)
    first, second = np.array(values[::2]), np.array(values[1::2])
    bins = 700 if case == "wide" else 40
    rows = []
    for row in range(4):
        weight = (
            1 + (np.arange(bins) * 7919 * (row + 1)) % 61
            if case == "wide"
            else 1 + (1 << 14) // (1 + (row + 1) * np.abs(np.arange(bins) - 20) ** 2)
        )
        counts = np.maximum(1, weight * 60_000 // weight.sum())
        rows.append(np.concatenate([[0], np.cumsum(counts), [65536]]))
    indexes = (first % 4).astype(np.uint8)
    symbols = (second % bins if case == "wide" else second % 64 % 13 * (second % 3 - 1)).astype(np.int32)
    symbols[::97] = 100_000 + first[::97] % 1000
    cdfs, offset = np.stack(rows), 0 if case == "wide" else -20
    return (cdfs, np.full(4, bins + 2), np.full(4, offset)), symbols, indexes


def path_of(name, case):
    return FOLDER / f"{name}-{case}.bin"


@pytest.mark.parametrize("name", CODERS)
@pytest.mark.parametrize("case", CASES)
def test_stored_streams_are_read_and_made_again(name, case):
    coder, (tables, symbols, indexes) = CODERS[name], stored_case(case)
    handle, data = coder.tables(*tables), path_of(name, case).read_bytes()
    assert np.array_equal(coder.decode(data, indexes, handle), symbols)
    assert coder.encode(symbols, indexes, handle) == data


if __name__ == "__main__":
    for name, coder in CODERS.items():
        for case in CASES:
            tables, symbols, indexes = stored_case(case)
            if not path_of(name, case).exists():
                path_of(name, case).write_bytes(coder.encode(symbols, indexes, coder.tables(*tables)))
