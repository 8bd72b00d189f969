# SPDX-License-Identifier: Apache-2.0
"""Squeezed bytes come back; bombs and damage are refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.container import varint
from tinify.errors import FormatError, LimitError
from tinify.media.squeeze import squeeze, unsqueeze


@given(st.binary(max_size=400), st.integers(1, 50), st.binary(max_size=20))
def test_any_bytes_come_back(data, times, hint):
    data = data * times
    packed = squeeze(data, hint)
    assert unsqueeze(packed, len(data), hint) == data
    assert len(packed) <= len(data) + 4


def test_a_long_repetition_is_small_by_each_method():
    import random

    block = random.Random(1).randbytes(50_000)
    assert len(squeeze(b"ab" * 1000)) < 40
    assert len(squeeze(block * 3)) < 52_000  # beyond deflate's window of 32 KiB


def test_more_than_the_limit_is_refused_without_unpacking():
    packed = squeeze(bytes(10_000_000))
    with pytest.raises(LimitError):
        unsqueeze(packed, 9_999_999)


@pytest.mark.parametrize("size", [0, 99, 101])
def test_a_wrong_size_is_noticed(size):
    packed = squeeze(bytes(100))
    method = varint.get(packed, 0)[0] & 3
    with pytest.raises(FormatError):
        unsqueeze(varint.put(4 * size + method) + packed[2:], 1000)


@given(st.binary(max_size=80))
def test_any_bytes_are_data_or_a_format_error(data):
    with contextlib.suppress(FormatError):
        assert len(unsqueeze(data, 10_000)) <= 10_000


def test_a_cut_off_block_is_noticed():
    packed = squeeze(bytes(range(256)) * 300)
    for length in range(len(packed)):
        with pytest.raises(FormatError):
            unsqueeze(packed[:length], 1 << 20)
