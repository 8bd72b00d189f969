# SPDX-License-Identifier: Apache-2.0
"""rans32 in plain Python, tables included, from the format alone: the oracle of the tests."""

import struct

import numpy as np

from . import reference_rans64

LOG_BITS = 24
TOTAL = 4096
ESCAPE = -128


def fixed_log2(n):
    """log2(n) * 2^24, rounded down, by repeated squaring of 32-bit integers."""
    whole = n.bit_length() - 1
    mantissa, result = n << (31 - whole), whole
    for _ in range(LOG_BITS):
        mantissa = mantissa * mantissa >> 31
        result = result << 1 | mantissa >> 32
        mantissa >>= mantissa >> 32
    return result


LOG = [0] + [fixed_log2(n) for n in range(1, 65537)]


def optimal_counts(weights):
    """Counts >= 1 of sum 4096 that cost the weighted symbols the fewest bits; ties go to the first bin."""
    total = sum(weights)
    counts = [max(1, w * TOTAL // total) for w in weights]

    def gain(i):
        return weights[i] * (LOG[counts[i] + 1] - LOG[counts[i]])

    def loss(i):
        return weights[i] * (LOG[counts[i]] - LOG[counts[i] - 1])

    def best():
        return max(range(len(weights)), key=lambda i: (gain(i), -i))

    def worst():
        able = [i for i in range(len(weights)) if counts[i] > 1]
        return min(able, key=lambda i: (loss(i), i)) if able else None

    while sum(counts) < TOTAL:
        counts[best()] += 1
    while sum(counts) > TOTAL:
        counts[worst()] -= 1
    while len(weights) > 1:
        to, source = best(), worst()
        if source is None or to == source or gain(to) <= loss(source):
            break
        counts[source] -= 1
        counts[to] += 1
    return counts


def fast_row(cdf, offset):
    """(excess bits * 2^40, shift, anchor, {h: count}) of one row, or None where no split fits."""
    weights = np.diff(cdf).tolist()
    escape = weights.pop()
    entropy = sum(w * ((16 << LOG_BITS) - LOG[w]) for w in [*weights, escape])
    found = None
    for shift in range(13):
        first = offset >> shift
        groups = [0] * (((offset + len(weights) - 1) >> shift) - first + 1) if weights else []
        for i, w in enumerate(weights):
            groups[((offset + i) >> shift) - first] += w
        if shift and len(groups) < 40:
            break
        if len(groups) > 4 * 255:
            continue
        for threshold in (0, 1):
            kept = [i for i, w in enumerate(groups) if w > threshold]
            if kept and kept[-1] - kept[0] >= 255:
                continue
            dropped = [i for i, w in enumerate(groups) if w <= threshold]
            escaped = escape + sum(groups[i] for i in dropped)
            counts = optimal_counts([groups[i] for i in kept] + [escaped])
            bits = sum(groups[i] * (8 if abs((first + i) << shift) < 64 else 16) << LOG_BITS for i in dropped)
            bits += escaped * ((12 << LOG_BITS) - LOG[counts[-1]])
            bits += sum(groups[i] * ((12 + shift << LOG_BITS) - LOG[c]) for i, c in zip(kept, counts, strict=False))
            low, high = (first + kept[0], first + kept[-1]) if kept else (first, first)
            anchor = 0 if low >= -127 and high <= 127 else low + (high - low) // 2
            table = {first + i - anchor: c for i, c in zip(kept, counts, strict=False)}
            if found is None or bits - entropy < found[0]:
                found = (bits - entropy, shift, anchor, {**table, ESCAPE: counts[-1]})
    if found is None or found[0] > entropy // 256 + (1 << 31):
        return None
    return found, entropy


def fast_tables(cdfs, lengths, offsets):
    """Rows (shift, anchor, {h: (start, freq)}), or None where the 16-bit tables are used instead."""
    if len(lengths) > 1024:
        return None
    made = [fast_row(row, int(o)) for row, o in zip(reference_rans64.rows(cdfs, lengths), offsets, strict=True)]
    if any(m is None for m in made):
        return None
    if sum(m[0][0] for m in made) > sum(m[1] // 800 + (1 << 30) for m in made):
        return None
    result = []
    for (_, shift, anchor, counts), _ in made:
        starts, start = {}, 0
        for h in sorted(counts, key=lambda h: h & 255):
            starts[h] = (start, counts[h])
            start += counts[h]
        result.append((shift, anchor, starts))
    return result


def checksum(symbols):
    lanes = [0] * 32
    for i, symbol in enumerate(symbols):
        lanes[i % 32] = (lanes[i % 32] * 0x9E3779B1 + symbol) & 0xFFFFFFFF
    h = len(symbols)
    for lane in lanes:
        h = (h ^ lane) * 0x85EBCA6B & 0xFFFFFFFF
        h ^= h >> 13
    h = (h ^ h >> 16) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def log2_lanes(count):
    return next((lanes for limit, lanes in ((512, 0), (1 << 14, 1), (1 << 17, 2), (1 << 19, 3)) if count < limit), 5)


def split(symbol, row):
    """(start, freq), raw bits, their number, escape bytes of one symbol."""
    shift, anchor, starts = row
    h = (symbol >> shift) - anchor
    if -127 <= h <= 127 and h in starts:
        return starts[h], symbol & (1 << shift) - 1, shift, b""
    return starts[ESCAPE], 0, 0, varint(symbol << 1 if symbol >= 0 else (-symbol << 1) - 1)


def stream(symbols, indexes, cdfs, lengths, offsets):
    symbols, indexes = np.ravel(symbols).tolist(), np.ravel(indexes).tolist()
    check = checksum(symbols)
    if not symbols:
        return b"\x07"
    rows = fast_tables(cdfs, lengths, offsets)
    if rows is None:
        state, words = reference_rans64.encode(symbols, indexes, cdfs, lengths, offsets, 1 << 31 | check & 0x7FFFFFFF)
        size = (state.bit_length() + 7) // 8
        return bytes([7 | (size - 3) << 4]) + state.to_bytes(size, "little") + struct.pack(f"<{len(words)}I", *words)
    parts = [split(s, rows[i]) for s, i in zip(symbols, indexes, strict=True)]
    bits = at = 0
    for _, value, width, _ in parts:
        bits |= value << at
        at += width
    raw, escapes = bits.to_bytes((at + 7) // 8, "little"), b"".join(p[3] for p in parts)
    lanes = 1 << log2_lanes(len(symbols))
    states = [1 << 15 | (check >> 15 * lane & 0x7FFF if lane < 3 else 0) for lane in range(lanes)]
    words = []
    for i in reversed(range(len(parts))):
        (start, freq), x = parts[i][0], states[i % lanes]
        if x >= freq << 19:
            words.append(x & 0xFFFF)
            x >>= 16
        states[i % lanes] = (x // freq << 12) + x % freq + start
    side = bool(raw or escapes)
    head = bytes([log2_lanes(len(symbols)) | side << 3]) + (varint(len(raw)) + varint(len(escapes)) if side else b"")
    return head + struct.pack(f"<{lanes}I{len(words)}H", *states, *words[::-1]) + raw + escapes
