# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify import ans
from tinify.errors import DesyncError, InputError

from .coder_cases import CODERS, SCALES, gaussian_case, gaussians


@pytest.fixture
def case():
    return gaussian_case(200, escapes=0.05)


def as_lists(tables):
    cdfs, lengths, offsets = tables
    return [row[:n].tolist() for row, n in zip(cdfs, lengths, strict=True)], lengths.tolist(), offsets.tolist()


def test_arrays_and_ragged_lists_give_the_bytes_of_rans64(case):
    tables, symbols, indexes = case
    expected = CODERS["rans64"].encode(symbols, indexes, CODERS["rans64"].tables(*tables))
    padded = [t.tolist() for t in tables]
    encode = ans.RansEncoder().encode_with_indexes
    assert encode(symbols, indexes, *tables) == expected
    assert encode(symbols.tolist(), indexes.tolist(), *padded) == expected
    assert encode(symbols.tolist(), indexes.tolist(), *as_lists(tables)) == expected


def test_decoders_answer_lists_with_lists_and_arrays_with_arrays(case):
    tables, symbols, indexes = case
    data = ans.RansEncoder().encode_with_indexes(symbols, indexes, *tables)
    decode = ans.RansDecoder().decode_with_indexes
    assert decode(data, indexes.tolist(), *as_lists(tables)) == symbols.tolist()
    assert np.array_equal(decode(data, indexes, *tables), symbols)


def test_buffered_calls_make_one_stream_that_is_read_in_steps(case):
    tables, symbols, indexes = case
    other = gaussians(SCALES * 2)
    encoder = ans.BufferedRansEncoder()
    encoder.encode_with_indexes(symbols[:90].tolist(), indexes[:90].tolist(), *as_lists(tables))
    encoder.encode_with_indexes(symbols[90:], indexes[90:], *other)
    decoder = ans.RansDecoder()
    decoder.set_stream(encoder.flush())
    steps = [decoder.decode_stream(indexes[i : i + 9], *tables) for i in range(0, 90, 9)]
    steps.append(decoder.decode_stream(indexes[90:].tolist(), *as_lists(other)))
    assert np.concatenate(steps).tolist() == symbols.tolist()
    assert encoder.flush() == ans.RansEncoder().encode_with_indexes([], [], *tables)


def test_more_sets_of_tables_than_are_kept_stay_right():
    rng = np.random.default_rng(0)
    sets = [gaussians([1.0 + i / 10]) for i in range(20)]
    indexes, symbols = np.zeros(40, np.int32), rng.integers(-3, 4, 40)
    for tables in sets + sets[::-1]:
        data = ans.RansEncoder().encode_with_indexes(symbols, indexes, *tables)
        assert np.array_equal(ans.RansDecoder().decode_with_indexes(data, indexes, *tables), symbols)


def test_wrong_input_is_an_input_error(case):
    tables, _, indexes = case
    encode = ans.RansEncoder().encode_with_indexes
    cdfs, sizes, offsets = as_lists(tables)
    for bad in (
        ([0.5], [0], cdfs, sizes, offsets),
        ([1 << 70], [0], cdfs, sizes, offsets),
        ([0], [0], [[0, 0.5, 65536]], [3], [0]),
        ([0], [0], [[0, 65536]], [3], [0]),
        ([0], [0], [[0, 1 << 80]], [2], [0]),
        ([0], [0], cdfs[:-1], sizes, offsets),
    ):
        with pytest.raises(InputError):
            encode(*bad)
    with pytest.raises(InputError, match="set_stream"):
        ans.RansDecoder().decode_stream(indexes, *tables)


def test_a_stream_that_does_not_end_with_its_symbols_is_a_desync(case):
    tables, symbols, indexes = case
    data = ans.RansEncoder().encode_with_indexes(symbols, indexes, *tables)
    with pytest.raises(DesyncError):
        ans.RansDecoder().decode_with_indexes(data, indexes[:-1], *tables)
