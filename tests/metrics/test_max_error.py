# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.errors import InputError
from tinify.metrics.max_error import max_error


def test_is_the_largest_difference_of_either_sign():
    assert max_error([1.0, 2.0, 3.0], [1.5, 2.0, 0.5]) == 2.5


def test_bytes_do_not_wrap_around():
    assert max_error(np.array([0], np.uint8), np.array([255], np.uint8)) == 255.0


def test_gaps_are_left_out():
    assert max_error([np.nan, 1.0], [np.nan, 1.25]) == 0.25


def test_nothing_to_compare_gives_zero():
    assert max_error(np.zeros((0, 2)), np.zeros((0, 2))) == 0.0


def test_tensors_are_accepted():
    assert max_error(torch.zeros(3), torch.tensor([0.0, -4.0, 1.0])) == 4.0


@pytest.mark.parametrize(("x", "y"), [([1.0], [1.0, 2.0]), (1.0, 1.0), ([np.nan], [0.0])])
def test_series_that_cannot_be_compared_are_refused(x, y):
    with pytest.raises(InputError):
        max_error(x, y)
