# SPDX-License-Identifier: Apache-2.0
"""Integer sequences come back exactly, regular ones from some bytes."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinify.errors import FormatError
from tinify.media.integers import decode_integers, encode_integers

INT64 = np.iinfo(np.int64)


@given(arrays(np.int64, st.integers(0, 60)))
def test_any_sequence_comes_back(values):
    assert np.array_equal(decode_integers(encode_integers(values), len(values)), values)


@given(st.lists(st.sampled_from([0, 1, 60, 1_000_000]), max_size=40), st.integers(-(2**60), 2**60))
def test_any_cumulated_steps_come_back(steps, start):
    values = np.cumsum([start, *steps], dtype=np.int64)
    assert np.array_equal(decode_integers(encode_integers(values), len(values)), values)


@pytest.mark.parametrize("values", [[INT64.min, INT64.max], [INT64.max, INT64.min, 0], [INT64.min], []])
def test_the_ends_of_the_range_come_back(values):
    values = np.array(values, dtype=np.int64)
    assert np.array_equal(decode_integers(encode_integers(values), len(values)), values)


def test_a_regular_step_costs_some_bytes():
    values = 1_577_836_800_000 + 60_000 * np.arange(100_000)
    assert len(encode_integers(values)) <= 20


def test_a_regular_step_with_some_gaps_stays_small():
    values = 1_577_836_800 + 60 * np.arange(100_000)
    values[30_000:] += 86_400
    values[70_000:] += 7_200
    assert len(encode_integers(values)) < 128


@given(st.binary(max_size=60), st.integers(0, 50))
def test_any_bytes_are_a_sequence_or_a_format_error(data, count):
    with contextlib.suppress(FormatError):
        assert len(decode_integers(data, count)) == count


def test_another_count_is_noticed():
    data = encode_integers(np.array([3, 1, 4, 1, 5, 9, 2, 6]))
    with pytest.raises(FormatError):
        decode_integers(data, 9)
