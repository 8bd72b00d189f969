# SPDX-License-Identifier: Apache-2.0
"""Thousands of hostile files: each gives a FormatError or the very content, in bounded memory."""

import itertools
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify.container import PAYLOAD, inspect, pack, unpack
from tinify.container.varint import put
from tinify.errors import FormatError, LimitError

from .files import body, every_section, raw_file, still_picture

FILES = {"picture": still_picture(), "sections": every_section()}
HUGE = [1 << 21, (1 << 31) + 1, 1 << 40, (1 << 63) - 1]


def outcome(data: bytes, file) -> str:
    """'error' or 'same'; anything else fails the test."""
    try:
        result = unpack(data)
    except FormatError as error:
        assert len(str(error)) > 20
        return "error"
    assert result == file
    return "same"


@pytest.mark.parametrize("name", FILES)
def test_every_flipped_bit_is_noticed(name):
    file, data = FILES[name], pack(FILES[name])
    for position in range(8 * len(data)):
        broken = bytearray(data)
        broken[position // 8] ^= 1 << position % 8
        assert outcome(bytes(broken), file) == "error", f"bit {position}"


def test_a_flipped_bit_in_a_skipped_section_is_noticed():
    data = raw_file(body(), [(PAYLOAD, b"data"), (7, b"skipped by this version")])
    unpack(data)
    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= 0x04
        with pytest.raises(FormatError):
            unpack(bytes(broken))


@pytest.mark.parametrize("name", FILES)
def test_every_truncation_is_noticed(name):
    file, data = FILES[name], pack(FILES[name])
    assert {outcome(data[:length], file) for length in range(len(data))} == {"error"}


def test_swapped_doubled_and_dropped_sections_are_noticed():
    file, data = FILES["sections"], pack(FILES["sections"])
    spans = inspect(data)["sections"]
    starts = [inspect(data)["header_bytes"], *(s["offset"] + s["bytes"] + 4 * (s["name"] == "index") for s in spans)]
    head, parts, crc = data[: starts[0]], [data[a:b] for a, b in itertools.pairwise(starts)], data[-4:]
    for i in range(len(parts)):
        assert outcome(head + b"".join(parts[:i] + parts[i + 1 :]) + crc, file) == "error"
        assert outcome(head + b"".join(parts[: i + 1] + parts[i:]) + crc, file) == "error"
        for j in range(i):
            order = parts.copy()
            order[i], order[j] = order[j], order[i]
            assert outcome(head + b"".join(order) + crc, file) == "error"


def mutate(data: bytes, rng: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        where = rng.randrange(len(broken))
        action = rng.randrange(6)
        if action == 0:
            broken[where] = rng.randrange(256)
        elif action == 1:
            broken[where:where] = rng.randbytes(rng.randrange(1, 9))
        elif action == 2:
            del broken[where : where + rng.randrange(1, 9)]
        elif action == 3:
            broken[where : where + 8] = b"\xff" * 8
        elif action == 4:
            other = rng.randrange(len(broken))
            first, second = broken[where : where + 16], broken[other : other + 16]
            broken[where : where + 16], broken[other : other + 16] = second, first
        else:
            broken += broken[where : where + 40]
        if not broken:
            return b""
    return bytes(broken)


@pytest.mark.parametrize("name", FILES)
def test_thousands_of_mutated_files_never_give_something_else(name):
    file, data = FILES[name], pack(FILES[name])
    rng = random.Random(name)
    tracemalloc.start()
    results = [outcome(mutate(data, rng), file) for _ in range(2000)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert results.count("error") > 1800
    assert peak < 4_000_000


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize(
    "make",
    [
        lambda size: raw_file(body(shape=put(size) + put(1)), []),
        lambda size: raw_file(body(shape=put(size) + put(0)), []),
        lambda size: raw_file(body(shape=put(1 << 15) + put(size)), []),
        lambda size: raw_file(body(params=put(size)), []),
    ],
    ids=["dimension", "dimension beside zero", "product", "params"],
)
def test_a_huge_declared_size_is_a_limit_error_before_any_allocation(make, size):
    data = make(size)
    tracemalloc.start()
    with pytest.raises(LimitError):
        # (1 << 21) is a legal single dimension, and the other one is then what goes beyond the limit.
        unpack(data, max_elements=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("size", HUGE)
def test_a_huge_section_is_refused_before_any_allocation(size):
    data = raw_file(body(params=b"\0" + bytes([PAYLOAD]) + put(size) + bytes(50)), [])
    tracemalloc.start()
    with pytest.raises(LimitError if size > 1 << 40 else FormatError):
        unpack(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_names_and_sections_beyond_the_limits_are_refused():
    with pytest.raises(LimitError, match="65 characters"):
        unpack(raw_file(body(codec=b"A" + b"x" * 65), []))
    with pytest.raises(LimitError, match="1024"):
        unpack(raw_file(body(), [(16, b"")] * 1025))


@settings(max_examples=300)
@given(st.binary(max_size=200), st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)), max_size=4))
def test_hostile_fields_under_a_right_crc_are_a_file_or_a_format_error(fields, sections):
    for data in (raw_file(fields, sections), raw_file(body(), sections)):
        try:
            file = unpack(data)
            inspect(data)
        except FormatError:
            continue
        assert unpack(pack(file)) == file


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
    with pytest.raises(FormatError):
        unpack(data)
