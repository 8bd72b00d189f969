# SPDX-License-Identifier: Apache-2.0
"""A context along the steps of a scan: the native walk gives what each step alone does."""

import numpy as np
import pytest
import torch
from torch import nn

from tinify import _core
from tinify.errors import ConfigError, InputError
from tinify.latent_codecs import RasterScanLatentCodec
from tinify.layers import MaskedConv2d
from tinify.layers.fixed_order import pointwise
from tinify.layers.fixed_walk import Around


def networks(channels: int, side: int, kernel: int, rest: nn.Module):
    torch.manual_seed(0)
    context = MaskedConv2d(channels, 2 * channels, kernel, padding=kernel // 2)
    parameters = nn.Sequential(nn.Conv2d(side + 2 * channels, 40, 1), nn.LeakyReLU(), nn.Conv2d(40, 24, 1, bias=False),
                               nn.ReLU(), nn.Conv2d(24, 2 * channels, 1), rest)  # fmt: skip
    return context, parameters, RasterScanLatentCodec(context_prediction=context, entropy_parameters=parameters)


@torch.no_grad()
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (6, 11), (13, 20)])
@pytest.mark.parametrize(("kernel", "batch", "threads"), [(5, 1, 1), (5, 3, 2), (3, 2, 3), (7, 1, 2)])
@pytest.mark.parametrize("shift", [None, torch.linspace(-1, 1, 12)])
def test_the_walk_is_each_step_alone(shape, kernel, batch, threads, shift):
    context, parameters, codec = networks(6, 5, kernel, nn.Softplus())
    side, values = torch.randn(batch, shape[0] * shape[1], 5), torch.randn(batch, 6, shape[0] * shape[1]).round()
    steps, network = codec.steps(*shape), pointwise(parameters)
    alone, walked = (Around(context, shift, (batch, 6, *shape)) for _ in range(2))
    for places, found in zip(steps, walked.walk(steps, side, network, threads), strict=True):
        expected = network(torch.cat((side[:, places], alone.context(places)), -1))
        assert torch.equal(found, expected)
        for around in (alone, walked):
            around.put(places, values[:, :, places] + expected[..., :6].transpose(1, 2))
    assert torch.equal(walked.y_hat(), alone.y_hat())


@torch.no_grad()
def test_a_network_of_one_matrix_walks_too():
    context, _, codec = networks(6, 5, 5, nn.Identity())
    steps, network, side = codec.steps(4, 5), pointwise(nn.Conv2d(17, 3, 1)), torch.randn(1, 20, 5)
    around = Around(context, None, (1, 6, 4, 5))
    for places, found in zip(steps, around.walk(steps, side, network, 1), strict=True):
        assert torch.equal(found, network(torch.cat((side[:, places], around.context(places)), -1)))
        around.put(places, torch.ones(1, 6, len(places)))


def test_a_context_of_other_channels_is_named():
    with pytest.raises(ConfigError, match="6 channels"):
        Around(networks(6, 5, 5, nn.Identity())[0], None, (1, 7, 4, 5))


def walk(**change):
    arrays = {"known": np.zeros((30, 4)), "where": np.arange(8, 16), "starts": np.array([0, 3, 8]),
              "offsets": np.array([-8, -1]), "stages": np.array([[1, 2], [2, 1]]), "w": np.zeros((1, 8, 32)),
              "bias": np.zeros(32), "shift": None, "threads": 1,
              "layers": [(np.zeros((2, 32, 32)), np.zeros((8, 64)), 1, 0.0)]} | change  # fmt: skip
    floats = {name: np.float32(arrays[name]) for name in ("known", "w", "bias")}
    layers = [(np.float32(w), np.float32(start), *after) for w, start, *after in arrays["layers"]]
    return _core.OrderedWalk(**{**arrays, **floats, "layers": layers})


@pytest.mark.parametrize(
    "change",
    [{"where": np.arange(7, 15)}, {"where": np.arange(24, 32)}, {"starts": np.array([0, 9, 8])},
     {"starts": np.array([0, 3])}, {"stages": np.array([[1, 2]])}, {"stages": np.array([[1, 3], [2, 2], [2, 1]])},
     {"w": np.zeros((1, 4, 32))}, {"bias": np.zeros(31)}, {"threads": 0},
     {"layers": [(np.zeros((2, 33, 32)), np.zeros((8, 64)), 1, 0.0)]},
     {"layers": [(np.zeros((2, 32, 32)), np.zeros(64), 1, 0.0)]},
     {"layers": [(np.zeros((2, 32, 32)), np.zeros((8, 64)), 3, 0.0)]}],
)  # fmt: skip
def test_the_native_walk_refuses_what_does_not_fit(change):
    with pytest.raises(InputError):
        walk(**change)


def test_the_native_walk_ends():
    steps = walk()
    for rows in (3, 5):
        steps.step(np.empty((rows, 64), np.float32))
    with pytest.raises(InputError, match="over"):
        steps.step(np.empty((0, 64), np.float32))
