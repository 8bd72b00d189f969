# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from tinify.layers import conv, conv1x1, conv3x3, deconv, subpel_conv3x3


@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (3, 1), (3, 2), (7, 4)])
def test_conv_divides_and_deconv_multiplies_by_the_stride(kernel, stride):
    x = torch.randn(2, 3, 8 * stride, 4 * stride)
    y = conv(3, 9, kernel, stride)(x)
    assert y.shape == (2, 9, 8, 4)
    assert deconv(9, 3, kernel, stride)(y).shape == x.shape


@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (3, 2), (7, 2), (5, 3), (3, 4), (7, 4)])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_the_inference_form_of_a_deconv_to_few_channels_equals_the_transposed_convolution(
    kernel, stride, memory_format
):
    torch.manual_seed(0)
    layer = deconv(6, 3, kernel, stride).to(memory_format=memory_format)
    x = torch.randn(2, 6, 5, 7).contiguous(memory_format=memory_format)
    with torch.no_grad():
        fast = layer(x)
        torch.testing.assert_close(fast, nn.ConvTranspose2d.forward(layer, x), rtol=1e-5, atol=1e-6)


def test_the_inference_form_follows_the_weights_when_they_change():
    layer, x = deconv(4, 3), torch.randn(1, 4, 3, 3)
    with torch.no_grad():
        before = layer(x)
        layer.weight.mul_(2)
        layer.bias.mul_(2)
        torch.testing.assert_close(layer(x), 2 * before)


def test_a_deconv_without_bias_has_an_inference_form_too():
    layer, x = deconv(4, 3), torch.randn(1, 4, 3, 3)
    layer.bias = None
    with torch.no_grad():
        torch.testing.assert_close(layer(x), nn.ConvTranspose2d.forward(layer, x), rtol=1e-5, atol=1e-6)


def test_a_deconv_to_few_channels_trains_and_has_the_parameters_of_a_transposed_convolution():
    layer = deconv(4, 3)
    layer(torch.randn(1, 4, 3, 3)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in layer.parameters())
    plain = nn.ConvTranspose2d(4, 3, 5, stride=2, output_padding=1, padding=2)
    plain.load_state_dict(layer.state_dict())


def test_small_convolutions_keep_the_size_or_divide_it_by_their_stride():
    x = torch.randn(2, 3, 8, 6)
    assert conv1x1(3, 5)(x).shape == conv3x3(3, 5)(x).shape == (2, 5, 8, 6)
    assert conv1x1(3, 5, 2)(x).shape == conv3x3(3, 5, stride=2)(x).shape == (2, 5, 4, 3)


def test_a_subpixel_convolution_puts_channels_into_blocks_of_pixels():
    layer, x = subpel_conv3x3(3, 5, 2), torch.randn(2, 3, 8, 6)
    y = layer(x)
    assert y.shape == (2, 5, 16, 12)
    assert torch.equal(y[:, 1, 1::2, 0::2], layer[0](x)[:, 4 * 1 + 2])


def test_a_strided_1x1_convolution_trains_in_channels_last_layout():
    layer = conv1x1(3, 8, stride=2)
    x = torch.rand(1, 3, 64, 128).contiguous(memory_format=torch.channels_last)
    plain = nn.functional.conv2d(x.contiguous(), layer.weight, layer.bias, stride=2)
    torch.testing.assert_close(layer(x), plain)
    for _ in range(50):  # a heap that was written over does not last
        layer(x).square().mean().backward()
    assert layer.weight.grad.isfinite().all()
