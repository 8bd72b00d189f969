# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from torch import nn

from tinify.errors import ConfigError
from tinify.layers.ordered import in_order


def test_it_is_the_network():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 12), nn.ReLU(), nn.Linear(12, 2, bias=False), nn.Softplus())
    x = torch.randn(3, 50)
    with torch.no_grad():
        expected = network.double()(x.double().T).T.numpy()
    np.testing.assert_allclose(in_order(network, x.numpy()), expected, rtol=1e-13)


def test_it_follows_changed_weights():
    network = nn.Sequential(nn.Linear(1, 1))
    before = in_order(network, np.ones((1, 1)))
    with torch.no_grad():
        network[0].bias += 1
    assert in_order(network, np.ones((1, 1))) == before + 1


def test_columns_do_not_change_one_another():
    network, x = (
        nn.Sequential(nn.Linear(2, 9), nn.ReLU(), nn.Linear(9, 1)),
        np.random.default_rng(0).normal(size=(2, 40)),
    )
    together = in_order(network, x)
    assert all(np.array_equal(in_order(network, x[:, k : k + 1])[:, 0], together[:, k]) for k in range(40))


def test_another_layer_is_refused():
    with pytest.raises(ConfigError, match="Tanh"):
        in_order(nn.Sequential(nn.Linear(1, 1), nn.Tanh()), np.ones((1, 1)))
