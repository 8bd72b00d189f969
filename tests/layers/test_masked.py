# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
import torch.nn.functional as F

from tinify.layers import CheckerboardMaskedConv2d, MaskedConv2d

KINDS = [MaskedConv2d, CheckerboardMaskedConv2d]


def reach(layer):
    """The positions of a 5x5 neighbourhood whose value changes the centre's output."""
    seen = torch.zeros(5, 5, dtype=torch.int)
    for row in range(5):
        for column in range(5):
            x = torch.zeros(1, 2, 5, 5)
            x[:, :, row, column] = 1
            with torch.no_grad():
                seen[row, column] = int((layer(x) - layer(torch.zeros_like(x)))[0, :, 2, 2].abs().sum() > 0)
    return seen.tolist()


@pytest.mark.parametrize(("mask_type", "centre"), [("A", 0), ("B", 1)])
def test_a_masked_convolution_sees_what_comes_before_in_raster_order(mask_type, centre):
    layer = MaskedConv2d(2, 3, 5, padding=2, mask_type=mask_type)
    assert reach(layer) == [[1] * 5, [1] * 5, [1, 1, centre, 0, 0], [0] * 5, [0] * 5]


@pytest.mark.parametrize(("mask_type", "centre"), [("A", 0), ("B", 1)])
def test_a_checkerboard_convolution_sees_the_other_colour(mask_type, centre):
    layer = CheckerboardMaskedConv2d(2, 3, 5, padding=2, mask_type=mask_type)
    odd, even = [0, 1, 0, 1, 0], [1, 0, 1, 0, 1]
    assert reach(layer) == [odd, even, [0, 1, centre, 1, 0], even, odd]


@pytest.mark.parametrize("kind", KINDS)
def test_forward_leaves_the_weight_alone_and_equals_the_convolution_with_its_masked_weight(kind):
    layer, x = kind(2, 3, 3, padding=1), torch.randn(2, 2, 6, 7)
    before, version = layer.weight.detach().clone(), layer.weight._version
    y = layer(x)
    assert torch.equal(layer.weight, before) and layer.weight._version == version
    torch.testing.assert_close(y, F.conv2d(x, before * layer.mask, layer.bias, padding=1))
    assert torch.equal(layer.masked_weight, before * layer.mask)


@pytest.mark.parametrize("kind", KINDS)
def test_masked_taps_get_no_gradient(kind):
    layer = kind(2, 3, 5, padding=2)
    layer(torch.randn(1, 2, 6, 6)).square().sum().backward()
    assert torch.equal(layer.weight.grad != 0, layer.mask != 0)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_is_in_the_state_dict_with_the_shape_of_the_weight(kind):
    state = kind(4, 6, 5, groups=2).state_dict()
    assert list(state) == ["weight", "bias", "mask"]
    assert state["mask"].shape == state["weight"].shape == (6, 2, 5, 5)
    assert state["mask"].dtype == state["weight"].dtype


@pytest.mark.parametrize("kind", KINDS)
def test_the_options_of_a_convolution_hold(kind):
    layer = kind(4, 6, (3, 5), stride=2, padding=(1, 2), groups=2, bias=False, padding_mode="reflect")
    assert layer.bias is None
    assert layer(torch.randn(1, 4, 8, 9)).shape == (1, 6, 4, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_another_mask_type_is_refused_by_name(kind):
    with pytest.raises(ValueError, match="mask_type is 'C'"):
        kind(2, 2, 3, mask_type="C")
