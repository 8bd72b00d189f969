# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
import torch.nn.functional as F

from tinify.ops import compute_padding, pad_to_multiple


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 16), (17, 333), (63, 65)])
def test_padding_reaches_the_next_multiple_and_continues_the_border(height, width):
    x = torch.rand(1, 2, height, width)
    padded = pad_to_multiple(x, 16)
    assert padded.shape[2] % 16 == padded.shape[3] % 16 == 0
    assert padded.shape[2] - height < 16 and padded.shape[3] - width < 16
    assert torch.equal(padded[:, :, :height, :width], x)
    assert torch.equal(padded[:, :, height:, :width], x[:, :, -1:].expand(-1, -1, padded.shape[2] - height, -1))
    assert torch.equal(padded[:, :, :, width:], padded[:, :, :, width - 1 : width].expand_as(padded[:, :, :, width:]))


def test_a_picture_that_fits_is_not_copied():
    x = torch.rand(1, 3, 32, 48)
    assert pad_to_multiple(x, 16) is x


@pytest.mark.parametrize(("height", "width"), [(1, 1), (17, 33), (64, 64), (100, 31)])
def test_the_computed_padding_centres_a_picture_and_unpad_takes_it_off_again(height, width):
    pad, unpad = compute_padding(height, width, min_div=32)
    x = torch.rand(1, 1, height, width)
    padded = F.pad(x, pad)
    assert padded.shape[2] % 32 == padded.shape[3] % 32 == 0
    assert abs(pad[0] - pad[1]) <= 1 and abs(pad[2] - pad[3]) <= 1
    assert torch.equal(F.pad(padded, unpad), x)


def test_a_given_output_size_is_kept():
    pad, _ = compute_padding(10, 20, out_h=32, out_w=64, min_div=16)
    assert F.pad(torch.zeros(1, 1, 10, 20), pad).shape[2:] == (32, 64)


@pytest.mark.parametrize("size", [{"out_h": 33}, {"out_h": 16}, {"out_w": 40}])
def test_an_output_size_that_cannot_hold_the_picture_is_refused(size):
    with pytest.raises(ValueError, match="cannot hold 20x30"):
        compute_padding(20, 30, min_div=16, **size)
