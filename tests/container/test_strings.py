# SPDX-License-Identifier: Apache-2.0
"""Strings come back as they were; impossible counts are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.container import pack_strings, unpack_strings
from tinify.container.varint import put
from tinify.errors import FormatError, LimitError

strings = st.integers(0, 4).flatmap(
    lambda batch: st.lists(st.lists(st.binary(max_size=200), min_size=batch, max_size=batch), max_size=5)
)


@given(strings)
def test_any_strings_come_back(value):
    assert unpack_strings(pack_strings(value)) == value


@given(st.binary(max_size=64))
def test_any_bytes_are_strings_or_a_format_error(data):
    try:
        value = unpack_strings(data)
    except FormatError:
        return
    assert unpack_strings(pack_strings(value)) == value


def test_two_strings_of_a_picture_cost_three_bytes():
    assert len(pack_strings([[b"y" * 5000], [b"z" * 300]])) == 5303


def test_streams_of_unequal_batches_are_refused():
    with pytest.raises(FormatError, match=r"\[2, 1\]"):
        pack_strings([[b"a", b"b"], [b"c"]])


@pytest.mark.parametrize(
    "head", [put(2 << 40), put(2 * 3 + 1) + put(1 << 50), put(2 << 17), put(2 * 70000 + 1) + put(0)]
)
def test_huge_counts_are_a_limit_error(head):
    with pytest.raises(LimitError):
        unpack_strings(head + b"\0" * 20)


@pytest.mark.parametrize("cut", range(1, 9))
def test_strings_cut_off_before_the_last_are_noticed(cut):
    with pytest.raises(FormatError):
        unpack_strings(pack_strings([[b"abcdef"], [b""]])[:-cut])
