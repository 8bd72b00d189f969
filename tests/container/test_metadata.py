# SPDX-License-Identifier: Apache-2.0
"""Metadata comes back as it was; bombs and damage are refused."""

import contextlib
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.container import pack_metadata, unpack_metadata
from tinify.container.layout import MAX_METADATA
from tinify.container.varint import put
from tinify.errors import FormatError, LimitError

names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=32)


@given(st.dictionaries(names, st.binary(max_size=300), max_size=5))
def test_any_mapping_comes_back(entries):
    assert unpack_metadata(pack_metadata(entries)) == entries


@given(st.binary(max_size=80))
def test_any_bytes_are_a_mapping_or_a_format_error(data):
    with contextlib.suppress(FormatError):
        unpack_metadata(data)


def test_what_deflates_is_deflated_and_what_does_not_is_left():
    assert len(pack_metadata({"icc": b"ab" * 500})) < 40
    assert len(pack_metadata({"n": b"\x01\x02\x03"})) == 1 + 2 + 1 + 3


def entry(name: bytes, stored: bytes, size: int) -> bytes:
    return put(1) + put(len(name)) + name + put(2 * len(stored) + 1) + put(size) + stored


@pytest.mark.parametrize("size", [MAX_METADATA + 1, 1 << 60, 99_999_999])
def test_a_bomb_is_refused_before_it_is_inflated(size):
    data = entry(b"icc", zlib.compress(bytes(50_000_000), 9), size)
    tracemalloc.start()
    with pytest.raises(LimitError):
        unpack_metadata(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("size", [99, 101])
def test_a_wrong_inflated_size_is_noticed(size):
    with pytest.raises(FormatError, match="inflates"):
        unpack_metadata(entry(b"icc", zlib.compress(bytes(100)), size))


def test_a_name_twice_is_noticed():
    one = put(1) + b"a" + put(2) + b"x"
    with pytest.raises(FormatError, match="twice"):
        unpack_metadata(put(2) + one + one)


@pytest.mark.parametrize("name", ["", "x" * 33, "naïve"])
def test_a_bad_name_is_refused(name):
    with pytest.raises(FormatError, match="metadata name"):
        pack_metadata({name: b""})
