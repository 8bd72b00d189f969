# SPDX-License-Identifier: Apache-2.0
import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings

from tinify.entropy_models.tables import quantized_cdfs
from tinify.errors import TinifyError


def _bins(cdfs, lengths):
    """The count of each bin of each row, the escape bin last."""
    return [row[: length + 2].diff() for row, length in zip(cdfs, lengths.tolist(), strict=True)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40), min_size=1, max_size=5))
def test_every_row_is_a_16_bit_distribution_with_no_empty_bin(rows):
    width = max(map(len, rows))
    pmf = torch.tensor([row + [0.0] * (width - len(row)) for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    cdfs = quantized_cdfs(pmf, torch.full((len(rows), 1), 0.01), lengths)
    assert cdfs.dtype == torch.int32 and cdfs.shape == (len(rows), width + 2)
    for row, counts, length in zip(cdfs, _bins(cdfs, lengths), lengths.tolist(), strict=True):
        assert row[0] == 0 and row[length + 1] == 65536 and counts.min() >= 1
        assert not row[length + 2 :].any()


def test_counts_are_in_proportion_to_the_probabilities():
    pmf = torch.tensor([[0.5, 0.25, 0.125, 0.0625]])
    (counts,) = _bins(quantized_cdfs(pmf, torch.tensor([[0.0625]]), torch.tensor([4])), torch.tensor([4]))
    assert counts.tolist() == [32768, 16384, 8192, 4096, 4096]


def test_only_the_values_within_a_rows_length_count():
    pmf = torch.tensor([[0.5, 0.25, 9.0, 9.0]])
    cdfs = quantized_cdfs(pmf, torch.tensor([[0.25]]), torch.tensor([2]))
    assert cdfs.tolist() == [[0, 32768, 49152, 65536, 0, 0]]


def test_an_impossible_value_keeps_the_smallest_probability_there_is():
    (counts,) = _bins(
        quantized_cdfs(torch.tensor([[1.0, 0.0]]), torch.zeros(1, 1), torch.tensor([2])), torch.tensor([2])
    )
    assert counts.tolist() == [65534, 1, 1]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.5])
def test_what_is_no_probability_is_refused(value):
    with pytest.raises(TinifyError):
        quantized_cdfs(torch.tensor([[0.5, value]]), torch.zeros(1, 1), torch.tensor([2]))
