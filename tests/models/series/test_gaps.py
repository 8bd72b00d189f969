# SPDX-License-Identifier: Apache-2.0
import zlib

import numpy as np
import pytest

from tinify.errors import FormatError
from tinify.models.series.gaps import fill_gaps, gap_codes, pack_gaps, restore_gaps, unpack_gaps


def holed() -> np.ndarray:
    x = np.arange(40, dtype=np.float64).reshape(20, 2)
    x[3:6, 0], x[0, 1], x[-1, 1], x[10, 1] = np.nan, np.inf, -np.inf, np.nan
    return x


def test_what_is_no_number_comes_back_where_it_was():
    x = holed()
    codes = unpack_gaps(pack_gaps(gap_codes(x)), x.shape)
    np.testing.assert_array_equal(restore_gaps(np.where(np.isfinite(x), x, 0.0), codes), x)


def test_gaps_are_filled_with_lines_and_ends_are_carried_on():
    x = holed()
    filled = fill_gaps(x, gap_codes(x))
    np.testing.assert_allclose(filled[3:6, 0], [6, 8, 10])
    assert filled[0, 1] == x[1, 1] and filled[-1, 1] == x[-2, 1]


def test_a_channel_of_gaps_alone_is_filled_with_zeros():
    x = np.full((5, 1), np.nan)
    assert (fill_gaps(x, gap_codes(x)) == 0).all()


def test_integers_have_no_gaps():
    assert not gap_codes(np.zeros((4, 2), np.int16)).any()


@pytest.mark.parametrize(
    "data",
    [b"", b"nonsense", zlib.compress(b"\x01"), zlib.compress(b"\xff\xff\xff\xff\x00"), zlib.compress(b"\x28\0\0\0\x09"),
     zlib.compress(bytes(100_000))],
    ids=["empty", "no deflate", "half a run", "too long", "unknown code", "flood"],
)  # fmt: skip
def test_a_mask_that_does_not_describe_the_samples_is_refused(data):
    with pytest.raises(FormatError):
        unpack_gaps(data, (20, 2))
