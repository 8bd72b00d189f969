# SPDX-License-Identifier: Apache-2.0
"""rans64 and pmf quantization in plain Python, from the format alone: the oracle of the tests."""

import struct
from bisect import bisect_right

import numpy as np

LOW = 1 << 31


def items(symbol, cdf, offset):
    """(start, freq) pairs of one symbol; freq None for a raw nibble."""
    escape = len(cdf) - 2
    value = symbol - offset
    raw = -1
    if value < 0:
        raw, value = -2 * value - 1, escape
    elif value >= escape:
        raw, value = 2 * (value - escape), escape
    yield cdf[value], cdf[value + 1] - cdf[value]
    if raw < 0:
        return
    count = (raw.bit_length() + 3) // 4
    yield count, None
    for i in range(count):
        yield raw >> (4 * i) & 15, None


def rows(cdfs, lengths):
    return [[int(v) for v in cdfs[r, : lengths[r]]] for r in range(len(lengths))]


def encode(symbols, indexes, cdfs, lengths, offsets, state=LOW):
    """The final state and the words that follow it."""
    table = rows(cdfs, lengths)
    todo = []
    for symbol, index in zip(np.ravel(symbols).tolist(), np.ravel(indexes).tolist(), strict=True):
        todo += items(symbol, table[index], int(offsets[index]))
    words = []
    for start, freq in reversed(todo):
        bits, freq, start = (16, freq, start) if freq else (4, 1, start)
        if state >= freq << (63 - bits):
            words.append(state & 0xFFFFFFFF)
            state >>= 32
        state = (state // freq << bits) + state % freq + start
    return state, words[::-1]


def stream(symbols, indexes, cdfs, lengths, offsets):
    state, words = encode(symbols, indexes, cdfs, lengths, offsets)
    return struct.pack("<Q", state) + struct.pack(f"<{len(words)}I", *words)


def decode(data, indexes, cdfs, lengths, offsets):
    table = rows(cdfs, lengths)
    state = struct.unpack_from("<Q", data)[0]
    words = list(struct.unpack_from(f"<{len(data) // 4 - 2}I", data, 8))
    result = []

    def refill(x):
        return x << 32 | words.pop(0) if x < LOW else x

    for index in np.ravel(indexes).tolist():
        cdf, slot = table[index], state & 0xFFFF
        escape = len(cdf) - 2
        value = bisect_right(cdf, slot) - 1
        state = refill((cdf[value + 1] - cdf[value]) * (state >> 16) + slot - cdf[value])
        if value == escape:
            count, state = state & 15, refill(state >> 4)
            raw = 0
            for i in range(count):
                raw |= (state & 15) << (4 * i)
                state = refill(state >> 4)
            value = -(raw >> 1) - 1 if raw & 1 else (raw >> 1) + escape
        result.append(value + int(offsets[index]))
    assert state == LOW and not words
    return result


def pmf_to_quantized_cdf(pmf, precision):
    total = 1 << precision
    scaled = np.asarray(pmf, np.float32) * np.float32(total)
    counts = [int(np.floor(v + 0.5)) for v in scaled.astype(np.float64)]
    whole = sum(counts)
    cdf = [0]
    for count in counts:
        cdf.append(cdf[-1] + (count << precision) // whole)
    cdf[-1] = total
    for i in range(len(counts)):
        if cdf[i] != cdf[i + 1]:
            continue
        freqs = [(cdf[j + 1] - cdf[j], j) for j in range(len(counts)) if cdf[j + 1] - cdf[j] > 1]
        best = min(freqs)[1]
        for j in range(best + 1, i + 1) if best < i else range(i + 1, best + 1):
            cdf[j] += -1 if best < i else 1
    return cdf
