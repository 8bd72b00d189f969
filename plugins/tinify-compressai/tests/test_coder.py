# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify import registry
from tinify.errors import DesyncError, FormatError, InputError
from tinify.testing import check_coder, example_tables


@pytest.fixture
def ans():
    return registry.build("coder", "compressai-ans")


@pytest.fixture
def rans64():
    return registry.build("coder", "rans64")


def symbols_and_rows(count=2000):
    rng = np.random.default_rng(1)
    return rng.integers(-40, 400, count).astype(np.int32), rng.integers(0, 4, count).astype(np.uint8)


def test_the_coder_keeps_the_contract(ans):
    check_coder(ans)


def test_streams_are_those_of_rans64_to_the_byte_and_each_reads_the_other(ans, rans64):
    symbols, rows = symbols_and_rows()
    mine, theirs = (coder.tables(*example_tables()) for coder in (rans64, ans))
    stream = ans.encode(symbols, rows, theirs)
    assert stream == rans64.encode(symbols, rows, mine)
    assert np.array_equal(rans64.decode(stream, rows, mine), symbols)
    assert np.array_equal(ans.decode(stream, rows, theirs), symbols)


def test_the_bytes_are_those_of_compressai_itself(ans):
    from compressai.ans import RansDecoder, RansEncoder

    symbols, rows = symbols_and_rows(500)
    cdfs, lengths, offsets = (array.tolist() for array in example_tables())
    stream = ans.encode(symbols, rows, ans.tables(*example_tables()))
    assert stream == RansEncoder().encode_with_indexes(symbols.tolist(), rows.tolist(), cdfs, lengths, offsets)
    assert RansDecoder().decode_with_indexes(stream, rows.tolist(), cdfs, lengths, offsets) == symbols.tolist()


@pytest.mark.parametrize("value", [1 << 27, -(1 << 27), (1 << 30) + 5, -(1 << 30) - 9])
def test_values_at_which_compressai_never_ends_come_back(ans, value):
    tables = ans.tables(*example_tables())
    symbols, rows = np.array([1, value, 2], np.int32), np.array([2, 2, 2], np.uint8)
    assert np.array_equal(ans.decode(ans.encode(symbols, rows, tables), rows, tables), symbols)


def test_damaged_bytes_are_errors_or_exactly_what_they_say(ans, rans64):
    symbols, rows = symbols_and_rows(60)
    mine, theirs = (coder.tables(*example_tables()) for coder in (rans64, ans))
    stream, errors = ans.encode(symbols, rows, theirs), 0
    for position in range(8 * len(stream)):
        damaged = bytearray(stream)
        damaged[position // 8] ^= 1 << position % 8
        try:
            found = ans.decode(bytes(damaged), rows, theirs)
        except FormatError:
            errors += 1
            continue
        assert rans64.encode(found, rows, mine) == damaged  # a bit of a value beyond its bins: nothing tells
    assert errors > 0.5 * 8 * len(stream)


def test_a_stream_in_many_small_pieces_comes_back(ans):
    symbols, rows = symbols_and_rows(3000)
    tables = ans.tables(*example_tables())
    decoder = ans.decoder(ans.encode(symbols, rows, tables))
    pieces = [decoder.pull(rows[k : k + 97], tables) for k in range(0, 3000, 97)]
    decoder.finish()
    assert np.array_equal(np.concatenate(pieces), symbols)


def test_the_end_of_a_stream_in_pieces_is_checked(ans):
    symbols, rows = symbols_and_rows(50)
    tables = ans.tables(*example_tables())
    decoder = ans.decoder(ans.encode(symbols, rows, tables))
    decoder.pull(rows[:30], tables)
    with pytest.raises(DesyncError):
        decoder.finish()


def test_a_row_that_is_not_there_is_an_input_error(ans):
    with pytest.raises(InputError, match="the tables have 4 rows"):
        ans.encode(np.zeros(1, np.int32), np.array([4]), ans.tables(*example_tables()))
