# SPDX-License-Identifier: Apache-2.0
"""Columns of any text come back to the letter."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.errors import FormatError
from tinify.media.exact_column import decode_column, encode_column

cells = st.one_of(
    st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12), max_size=12),
    st.lists(st.integers(-(10**19), 10**19).map(str), max_size=12),
    st.lists(st.decimals(-1000, 1000, places=3).map(str), max_size=12),
    st.lists(st.datetimes().map(lambda time: time.isoformat(sep=" ", timespec="seconds")), max_size=12),
)


@given(cells)
def test_any_column_comes_back(column):
    assert decode_column(encode_column(column), len(column)) == column


@pytest.mark.parametrize(
    "column",
    [["007", "008"], ["-0", "0"], ["-0.0", "0.0"], ["+1", "+2"], ["1.0", "1.50"], ["1e5", "2e5"], ["", "a"], ["0.001"]],
)
def test_odd_spellings_come_back(column):
    assert decode_column(encode_column(column), len(column)) == column


def test_a_repeated_word_and_a_regular_time_are_small():
    assert len(encode_column(["sensor-1"] * 10_000)) < 60
    assert len(encode_column([f"{second * 0.25:.2f}" for second in range(10_000)])) < 24
    assert len(encode_column([f"2024-05-{day:02d}T00:00:00Z" for day in range(1, 32)])) < 48


@given(st.binary(max_size=60), st.integers(0, 20))
def test_any_bytes_are_a_column_or_a_format_error(data, count):
    with contextlib.suppress(FormatError):
        assert len(decode_column(data, count)) == count


def test_another_count_is_noticed():
    with pytest.raises(FormatError):
        decode_column(encode_column(["a", "b"]), 3)
