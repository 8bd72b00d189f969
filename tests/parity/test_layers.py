# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from tinify import layers

pytestmark = pytest.mark.parity


@pytest.fixture(scope="module", params=range(28))
def case(request, theirs):
    return theirs["blocks"][request.param]


def test_every_layer_of_theirs_is_tried(theirs):
    assert len(theirs["blocks"]) == 28
    assert len({case["name"] for case in theirs["blocks"]}) == 12


def mine(case):
    layer = getattr(layers, case["name"])(*case["args"], **case["kwargs"])
    layer.load_state_dict(case["state"])
    return layer


def test_a_layers_state_dict_goes_both_ways_unchanged(case):
    state = mine(case).state_dict()
    assert list(state) == list(case["state"])
    for key, value in case["state"].items():
        assert state[key].dtype == value.dtype and torch.equal(state[key], value), key


@pytest.mark.parametrize("gradients", [False, True])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_layer_gives_the_same_numbers(case, gradients, memory_format):
    with torch.set_grad_enabled(gradients):
        y = mine(case).to(memory_format=memory_format)(case["x"].contiguous(memory_format=memory_format))
    torch.testing.assert_close(y.detach(), case["y"], rtol=1e-6, atol=1e-6)


def test_a_layer_gives_the_same_gradients(case):
    layer, x = mine(case), case["x"].clone().requires_grad_()
    layer(x).backward(case["towards"])
    torch.testing.assert_close(x.grad, case["grad"], rtol=1e-5, atol=1e-6)
    for key, parameter in layer.named_parameters():
        expected = case["grads"][key]
        if key == "weight" and hasattr(layer, "mask"):
            expected = expected * layer.mask  # theirs passes gradients to taps that it then sets to zero
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-5, atol=2e-5)


def test_the_qrelu_of_this_layer_set_has_the_same_values_and_gradients(theirs):
    for case in theirs["qrelus"]:
        x = case["x"].clone().requires_grad_()
        y = layers.QReLU.apply(x, case["bits"], case["beta"])
        y.backward(case["towards"])
        assert torch.equal(y.detach(), case["y"])
        torch.testing.assert_close(x.grad, case["grad"], rtol=1e-6, atol=1e-7)


def test_layers_with_ramped_channels_have_the_same_widths(theirs):
    for case in theirs["ramps"]:
        made = layers.sequential_channel_ramp(
            **case["ramp"], make_layer=layers.conv1x1, make_act=nn.ReLU, skip_last_act=case["skip"]
        )
        shapes = [[type(m).__name__, list(getattr(m, "weight", torch.empty(0)).shape)] for m in made]
        assert shapes == case["shapes"], case["ramp"]
