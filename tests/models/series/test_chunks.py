# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.errors import FormatError, InputError, LimitError
from tinify.models.series.chunks import Chunks


@given(st.integers(0, 10_000), st.integers(1, 3000))
def test_chunks_are_all_rows_in_order_and_near_equal(rows, chunk):
    chunks = Chunks.of(rows, 3, chunk)
    assert [row for part in chunks for row in range(rows)[part]] == list(range(rows))
    sizes = [part.stop - part.start for part in chunks]
    assert all(1 <= size <= chunk for size in sizes)
    assert len(chunks) == -(-rows // chunk) or rows % chunk
    assert Chunks.unpack(chunks.pack(), rows, 3, len(chunks)) == chunks


@given(st.integers(1, 500), st.integers(1, 90), st.data())
def test_covering_names_the_chunks_that_hold_the_rows(rows, chunk, data):
    chunks = Chunks.of(rows, 1, chunk)
    start = data.draw(st.integers(0, rows))
    stop = data.draw(st.integers(start, rows))
    needed = {number for number, part in enumerate(chunks) if set(range(rows)[part]) & set(range(start, stop))}
    assert set(chunks.covering(start, stop)) == needed


def test_a_chunk_has_about_a_million_numbers_and_thousands_of_rows():
    assert len(Chunks.of(1 << 20, 1)) == 1 and len(Chunks.of((1 << 20) + 1, 1)) == 2
    assert Chunks.of(1 << 20, 1 << 4).size == 1 << 16
    assert Chunks.of(1 << 20, 1 << 15).size == 1 << 12


def test_chunks_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="1 or more"):
        Chunks.of(10, 1, 0)
    for params, rows, entries in ((b"\0", 10, 1), (b"\5", 10, 3), (b"\5\0", 10, 2), (b"", 0, 0), (b"\xff" * 9, 1, 1)):
        with pytest.raises(FormatError):
            Chunks.unpack(params, rows, 1, entries)
    with pytest.raises(LimitError):
        Chunks.unpack(Chunks(1 << 35, 1 << 32).pack(), 1 << 35, 1, 8)
