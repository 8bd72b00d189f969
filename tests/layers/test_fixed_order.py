# SPDX-License-Identifier: Apache-2.0
"""Matrices in a fixed order: NumPy's sums one by one, whatever the threads, the batch and the instruction set."""

import zlib

import numpy as np
import pytest
import torch
from torch import nn

from tinify import _core
from tinify.errors import ConfigError, InputError
from tinify.layers.fixed_order import Convolution, Matrix, TiledConvolution, convolved, pointwise

KNOWN, KNOWN_TILES = 0xF921CB20, 0xCBAA9DE2


def one_by_one(x, weight, bias):
    """The sums in float32, from the first input to the last."""
    total = np.broadcast_to(bias, (len(x), weight.shape[1])).astype(np.float32)
    for k in range(weight.shape[0]):
        total = total + x[:, k, None] * weight[k]
    return total


def numbers(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


@pytest.mark.parametrize(("rows", "depth", "columns"), [(1, 1, 1), (7, 33, 40), (200, 64, 96), (0, 5, 3)])
def test_sums_go_from_the_first_input_to_the_last(rows, depth, columns):
    x, weight, bias = numbers(rows, depth), numbers(depth, columns, seed=1), numbers(columns, seed=2)
    found = Matrix(weight, bias)(x)
    assert np.array_equal(found.numpy(), one_by_one(x.numpy(), weight.numpy(), bias.numpy()))


def test_threads_and_batch_change_no_bit():
    x, matrix, threads = numbers(2, 600, 512), Matrix(numbers(512, 256, seed=1), None), torch.get_num_threads()
    whole = matrix(x)
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            assert torch.equal(matrix(x), whole)
            assert torch.equal(matrix(x[1, 17:40]), whole[1, 17:40])
    finally:
        torch.set_num_threads(threads)


def test_the_answer_is_known():
    """The check sum of another machine: other rounding, or another order, would not give it."""
    y = Matrix(numbers(300, 64, seed=1), numbers(64, seed=2))(numbers(11, 300))
    assert zlib.crc32(y.numpy().tobytes()) == KNOWN


def test_pointwise_networks_are_what_they_are_as_convolutions():
    network = nn.Sequential(
        nn.Conv2d(6, 9, 1), nn.LeakyReLU(), nn.Sequential(nn.Conv2d(9, 4, 1, bias=False), nn.ReLU())
    )
    x = numbers(2, 5, 6)
    expected = network(x.transpose(1, 2)[..., None])[..., 0].transpose(1, 2)
    torch.testing.assert_close(pointwise(network)(x), expected.detach())
    with torch.no_grad():
        network[0].weight.mul_(2)
    assert not torch.allclose(pointwise(network)(x), expected)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 1, stride=2), nn.Conv2d(4, 4, 1, groups=2), nn.Tanh()]
)
def test_other_layers_are_named(layer):
    with pytest.raises(ConfigError, match=type(layer).__name__):
        pointwise(nn.Sequential(layer))


@pytest.mark.parametrize("change", [{"x": (3, 9)}, {"bias": (31,)}, {"y": (3, 31)}, {"threads": 0}, {"w": (1, 8, 16)}])
def test_the_native_product_refuses_what_does_not_fit(change):
    shapes = {"x": (3, 8), "w": (1, 8, 32), "bias": (32,), "y": (3, 32)} | {
        k: v for k, v in change.items() if k != "threads"
    }
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    with pytest.raises(InputError):
        _core.ordered_affine(**arrays, threads=change.get("threads", 1))


@pytest.mark.parametrize(("where", "offsets"), [([0, 2, 3], [0, 1]), ([0, 1, -1], [0, 1]), ([0, 1, 2], [-1, 0])])
def test_places_outside_are_refused(where, offsets):
    x, w, bias, y = (np.zeros(shape, np.float32) for shape in ((4, 8), (1, 16, 32), (32,), (3, 32)))
    with pytest.raises(InputError):
        _core.ordered_affine(x, w, bias, y, 1, np.array(where), np.array(offsets))


def test_pointwise_networks_may_be_linear_layers_and_softplus():
    network = nn.Sequential(nn.Linear(2, 12), nn.ReLU(), nn.Linear(12, 12, bias=False), nn.Linear(12, 3), nn.Softplus())
    x = numbers(5, 7, 2) * 20
    with torch.no_grad():
        torch.testing.assert_close(pointwise(network)(x), network(x))
        before = pointwise(network)(x)
        network[3].bias += 1
    assert not torch.equal(pointwise(network)(x), before)


def test_convolutions_are_what_they_are_and_in_any_batch():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(5, 7, 5, padding=2), nn.ReLU(), nn.Conv2d(7, 3, 3, padding=1, bias=False))
    x = numbers(3, 5, 9, 11)
    found = convolved(network)(x)
    torch.testing.assert_close(found, network(x).detach(), rtol=1e-4, atol=1e-5)
    assert torch.equal(convolved(network)(x[1:2]), found[1:2])
    assert torch.equal(convolved(network)(x.contiguous(memory_format=torch.channels_last)), found)
    assert convolved(network)(x[:0]).shape == (0, 3, 9, 11)


def test_convolutions_go_tap_by_tap_and_channel_by_channel():
    layer, x = nn.Conv2d(4, 6, 3, padding=1), numbers(1, 12, 10, 4)
    padded = np.pad(x[0].numpy(), ((1, 1), (1, 1), (0, 0)))
    seen = np.stack([padded[i : i + 3, j : j + 3].ravel() for i in range(12) for j in range(10)])
    weight = layer.weight.detach().permute(2, 3, 1, 0).reshape(36, 6).numpy()
    expected = one_by_one(seen, weight, layer.bias.detach().numpy())
    assert np.array_equal(Convolution(layer)(x).detach().numpy().reshape(120, 6), expected)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (9, 12), (31, 17)])
@pytest.mark.parametrize(("inside", "out"), [(1, 1), (16, 32), (37, 70)])
def test_convolutions_in_tiles_are_what_they_are(size, inside, out):
    layer, x = nn.Conv2d(inside, out, 5, padding=2), numbers(2, *size, inside)
    with torch.no_grad():
        found = TiledConvolution(layer)(x)
        exact = layer.double()(x.permute(0, 3, 1, 2).double()).permute(0, 2, 3, 1)
    assert float((found - exact).abs().max()) < 8e-6  # sums one by one: 4e-6


@pytest.mark.parametrize("name", ["scalar", "avx2", "avx512"])
@pytest.mark.parametrize("kind", [Convolution, TiledConvolution])
def test_instructions_and_threads_change_no_bit_of_convolutions(name, kind):
    before, threads, x = _core.transform_simd(), torch.get_num_threads(), numbers(3, 23, 11, 20)
    layer = kind(nn.Conv2d(20, 70, 5, padding=2))
    whole = layer(x)
    try:
        if not _core.use_transform_simd(name):
            pytest.skip(f"this processor has no {name}")
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            assert torch.equal(layer(x), whole)
            assert torch.equal(layer(x[1:2]), whole[1:2])
    finally:
        torch.set_num_threads(threads)
        _core.use_transform_simd(before)


def test_the_answer_of_tiles_is_known():
    layer = nn.Conv2d(24, 40, 5, padding=2)
    with torch.no_grad():
        layer.weight.copy_(numbers(40, 24, 5, 5, seed=1))
        layer.bias.copy_(numbers(40, seed=2))
    assert zlib.crc32(TiledConvolution(layer)(numbers(1, 7, 9, 24)).numpy().tobytes()) == KNOWN_TILES


@pytest.mark.parametrize("change", [{"x": (1, 3, 4, 6)}, {"y": (1, 3, 4, 5)}, {"y": (1, 3, 5, 32)}, {"threads": 0}])
def test_the_native_convolution_refuses_what_does_not_fit(change):
    conv = _core.OrderedConv(np.zeros((7, 5, 5, 5), np.float32), np.zeros(7, np.float32))
    shapes = {"x": (1, 3, 4, 5), "y": (1, 3, 4, 32)} | {k: v for k, v in change.items() if k != "threads"}
    arrays = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    with pytest.raises(InputError):
        conv.run(**arrays, threads=change.get("threads", 1))
    with pytest.raises(InputError):
        _core.OrderedConv(np.zeros((7, 5, 3, 3), np.float32), np.zeros(7, np.float32))


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, padding=1, groups=2)], ids=str
)
def test_convolutions_that_do_not_keep_the_size_are_named(layer):
    with pytest.raises(ConfigError, match="Conv2d"):
        convolved(layer)
