# SPDX-License-Identifier: Apache-2.0
"""Variable-length integers have one form each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.container.varint import get, put
from tinify.errors import FormatError


@given(st.integers(0, 2**63 - 1), st.binary(max_size=5))
def test_any_number_comes_back_and_the_position_is_after_it(value, tail):
    data = put(value)
    assert get(data + tail, 0) == (value, len(data))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff" * 9 + b"\x01", b"\x81\x80\x00"])
def test_other_forms_are_refused(data):
    with pytest.raises(FormatError):
        get(data, 0)


@pytest.mark.parametrize("value", [-1, 2**63])
def test_numbers_beyond_63_bits_are_not_written(value):
    with pytest.raises(FormatError):
        put(value)
