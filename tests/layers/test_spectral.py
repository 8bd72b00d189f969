# SPDX-License-Identifier: Apache-2.0
import copy

import pytest
import torch
from torch import nn

from tinify.layers import SpectralConv2d, SpectralConvTranspose2d
from tinify.layers.double import in_double

PAIRS = [(SpectralConv2d, nn.Conv2d), (SpectralConvTranspose2d, nn.ConvTranspose2d)]
ARGUMENTS = [{"kernel_size": 5, "stride": 2, "padding": 2}, {"kernel_size": (3, 4), "bias": False}]


@pytest.fixture(params=PAIRS, ids=["conv", "transposed"])
def pair(request):
    return request.param


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=["square", "oblong"])
def test_it_starts_as_the_plain_layer_of_the_same_seed(pair, arguments):
    layers = []
    for kind in pair:
        torch.manual_seed(5)
        layers.append(kind(4, 6, **arguments))
    spectral, plain = layers
    torch.testing.assert_close(spectral.weight, plain.weight, rtol=1e-5, atol=1e-6)
    x = torch.randn(2, 4, 9, 11)
    torch.testing.assert_close(spectral(x), plain(x), rtol=1e-5, atol=1e-5)


def test_its_only_weight_is_the_spectrum(pair):
    layer = pair[0](4, 6, 5)
    assert sorted(layer.state_dict()) == ["bias", "weight_transformed"]
    assert sorted(name for name, _ in layer.named_parameters()) == ["bias", "weight_transformed"]
    assert layer.weight_transformed.dtype == torch.complex64
    assert layer.weight_transformed.shape[-2:] == (5, 3)
    energy = layer.weight.detach().square().sum()
    whole = torch.fft.fft2(layer.weight.detach(), norm="ortho").abs().square().sum()
    torch.testing.assert_close(whole, energy)


def test_a_step_of_adam_lowers_the_error(pair):
    torch.manual_seed(1)
    layer, x = pair[0](3, 3, 3, padding=1), torch.randn(4, 3, 8, 8)
    optimizer = torch.optim.Adam(layer.parameters(), 1e-2)
    errors = []
    for _ in range(10):
        error = (layer(x) - x).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < errors[0]


@pytest.mark.parametrize("convert", [lambda m: m.double(), lambda m: m.to(torch.float64)], ids=["double", "to"])
@torch.no_grad()
def test_in_double_precision_the_imaginary_part_stays_and_the_kernel_is_double(pair, convert):
    layer, x = pair[0](3, 4, 3), torch.randn(1, 3, 6, 6)
    double = convert(copy.deepcopy(layer))
    assert double.weight.dtype == torch.float64 and double.weight_transformed.dtype == torch.complex128
    torch.testing.assert_close(double(x.double()).float(), layer(x), rtol=1e-5, atol=1e-6)
    back = double.to(torch.float32)
    assert torch.equal(back.weight_transformed, layer.weight_transformed)


@torch.no_grad()
def test_in_bfloat16_and_channels_last_it_convolves_near_its_numbers(pair):
    layer, x = pair[0](3, 4, 3), torch.randn(1, 3, 6, 6)
    small = copy.deepcopy(layer).to(torch.bfloat16).to(memory_format=torch.channels_last)
    y = small(x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), layer(x), rtol=0.1, atol=0.1)
    assert torch.equal(small(x.bfloat16()), copy.deepcopy(small)(x.bfloat16()))


@torch.no_grad()
def test_a_network_with_it_runs_in_double_for_tables(pair):
    network, x = nn.Sequential(pair[0](3, 4, 3), nn.ReLU()), torch.randn(1, 3, 6, 6)
    assert in_double(network, x).dtype == torch.float64
    torch.testing.assert_close(in_double(network, x).float(), network(x), rtol=1e-5, atol=1e-6)
