# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from . import reference_rans64
from .coder_cases import CODERS, gaussian_case, uneven_case

RANS64 = CODERS["rans64"]


CASES = [gaussian_case(700, escapes=0.05), uneven_case(300), gaussian_case(0), gaussian_case(1)]


@pytest.mark.parametrize("case", CASES)
def test_bytes_are_those_of_the_format(case):
    tables, symbols, indexes = case
    data = RANS64.encode(symbols, indexes, RANS64.tables(*tables))
    assert data == reference_rans64.stream(symbols, indexes, *tables)
    assert reference_rans64.decode(data, indexes, *tables) == symbols.tolist()


def test_escapes_take_the_nibbles_that_compressai_gives_them():
    tables = np.array([[0, 65535, 65536]]), np.array([3]), np.array([0])
    symbols = np.array([1, -1, 2, -2, 8, -8, 9, 2047, -2048, (1 << 26) - 1, -(1 << 26)], np.int32)
    for symbol in symbols:
        one, row = np.array([symbol]), np.zeros(1, np.uint8)
        assert RANS64.encode(one, row, RANS64.tables(*tables)) == reference_rans64.stream(one, row, *tables)


def test_an_empty_stream_is_the_initial_state():
    tables, symbols, indexes = gaussian_case(0)
    assert RANS64.encode(symbols, indexes, RANS64.tables(*tables)) == b"\0\0\0\x80\0\0\0\0"
