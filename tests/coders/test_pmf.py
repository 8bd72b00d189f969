# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify import _core
from tinify.errors import InputError

from . import reference_rans64


@settings(max_examples=200, deadline=None)
@given(
    pmf=st.lists(st.floats(0, 1, width=32), min_size=1, max_size=200).filter(lambda p: max(p) > 1e-3),
    precision=st.sampled_from([12, 16]),
)
def test_cdfs_are_those_of_the_reference(pmf, precision):
    cdf = _core.pmf_to_quantized_cdf(np.array(pmf, np.float32), precision)
    assert cdf.tolist() == reference_rans64.pmf_to_quantized_cdf(pmf, precision)
    assert (np.diff(cdf) > 0).all() and cdf[0] == 0 and cdf[-1] == 1 << precision


def test_rows_are_quantized_as_if_alone_and_padded_with_zeros():
    rng = np.random.default_rng(0)
    pmf, lengths = rng.random((5, 9)).astype(np.float32), np.array([1, 9, 4, 2, 7])
    cdfs = _core.pmfs_to_quantized_cdfs(pmf, lengths, 16)
    assert cdfs.shape == (5, 10) and cdfs.dtype == np.int32
    for row, length in enumerate(lengths):
        assert cdfs[row, : length + 1].tolist() == _core.pmf_to_quantized_cdf(pmf[row, :length], 16).tolist()
        assert not cdfs[row, length + 1 :].any()


@pytest.mark.parametrize("bad", [[np.nan, 0.5], [-0.1, 1.1], [np.inf, 0.0], [0.0, 0.0], [], [1e-9] * 70_000])
def test_what_is_no_distribution_is_refused(bad):
    with pytest.raises(InputError):
        _core.pmf_to_quantized_cdf(np.array(bad, np.float32), 16)


def test_lengths_beyond_the_rows_are_refused():
    pmf = np.ones((2, 3), np.float32)
    for lengths in ([3, 4], [-1, 3], [3]):
        with pytest.raises(InputError):
            _core.pmfs_to_quantized_cdfs(pmf, np.array(lengths), 16)
    with pytest.raises(InputError):
        _core.pmfs_to_quantized_cdfs(pmf, np.array([3, 3]), 17)
