# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from tinify.layers import conv, deconv
from tinify.layers.double import in_double


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(deconv(6, 8), nn.LeakyReLU(), conv(8, 10, kernel_size=3, stride=1), conv(10, 4, 3, 1))


@pytest.mark.parametrize("size", [(1, 1), (3, 7), (4, 4), (9, 2)])
@torch.no_grad()
def test_values_are_those_of_the_network_in_float64(size):
    module, x = network(), torch.randn(2, 6, *size)
    expected = network().double()(x.double())
    torch.testing.assert_close(in_double(module, x), expected, rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_threads_layout_and_batch_change_nothing_that_a_table_could_see():
    module, x = network(), torch.randn(3, 6, 12, 8)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(in_double(module, x))
            results.append(in_double(module, x.contiguous(memory_format=torch.channels_last)))
            results.append(torch.cat([in_double(module, item[None]) for item in x]))
    finally:
        torch.set_num_threads(before)
    assert max((r - results[0]).abs().max().item() for r in results) < 1e-13


@torch.no_grad()
def test_changed_weights_are_used_even_when_written_behind_autograd():
    module, x = network(), torch.randn(1, 6, 4, 4)
    before = in_double(module, x)
    module[0].weight.data.mul_(2)
    module[0].bias.data.mul_(2)
    assert not torch.allclose(in_double(module, x), before)


@torch.no_grad()
def test_a_network_that_is_no_sequential_and_an_empty_batch_work():
    layer, x = nn.Conv2d(3, 3, 3, padding=1), torch.randn(2, 3, 5, 5)
    torch.testing.assert_close(in_double(layer, x), layer.double()(x.double()))
    assert in_double(nn.Identity(), torch.zeros(0, 3)).shape == (0, 3)


@torch.no_grad()
def test_the_network_itself_stays_in_single_precision():
    module = network()
    in_double(module, torch.randn(1, 6, 4, 4))
    assert all(p.dtype == torch.float32 and p.requires_grad for p in module.parameters())
