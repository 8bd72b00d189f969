# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinify.errors import FormatError, InputError
from tinify.transforms import RctAnalysis
from tinify.transforms.reversible import ReversibleColours

COLOURS = ReversibleColours()


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.int32, (3, 3, 4), elements=st.one_of(st.sampled_from([0, 255]), st.integers(0, 255))))
def test_every_transform_gives_every_sample_back(x):
    x = torch.from_numpy(x)
    for number in range(COLOURS.count):
        y = COLOURS.analysis(x, number)
        assert y.dtype == torch.int32
        assert torch.equal(COLOURS.synthesis(y, number), x)


def test_grey_leaves_one_plane():
    grey = torch.arange(48, dtype=torch.int32).view(1, 6, 8).expand(3, 6, 8)
    for number in range(COLOURS.count):
        y = COLOURS.analysis(grey, number)
        assert torch.equal(y[0], grey[0])
        assert not y[1:].any()


def test_the_first_is_that_of_jpeg_2000():
    x = torch.randint(0, 256, (3, 5, 6), dtype=torch.int32)
    assert torch.equal(COLOURS.analysis(x, 0), RctAnalysis()(x))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_the_choice_is_what_the_picture_was_made_of(number):
    random = np.random.default_rng(number)
    # A plane of noise and two smooth ones: whoever tells them apart has the least to code.
    y = torch.from_numpy(np.stack([random.integers(60, 190, (64, 64)), *np.zeros((2, 64, 64))]).astype(np.int32))
    y[1:] += torch.from_numpy(random.integers(-1, 2, (2, 64, 64)).astype(np.int32))
    assert COLOURS.choose(COLOURS.synthesis(y, number)) == number


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 3)])
def test_small_pictures_have_a_choice(size):
    assert 0 <= COLOURS.choose(torch.zeros(3, *size, dtype=torch.int32)) < COLOURS.count


def test_other_numbers_and_shapes_are_refused():
    with pytest.raises(FormatError, match="unknown"):
        COLOURS.synthesis(torch.zeros(3, 2, 2, dtype=torch.int32), 4)
    with pytest.raises(InputError):
        COLOURS.analysis(torch.zeros(1, 2, 2, dtype=torch.int32), 0)
