# SPDX-License-Identifier: Apache-2.0
"""What is made of weights is made anew after any change of them."""

import numpy as np
import pytest
import torch
from torch import nn

from tinify import _core
from tinify.layers.prepared import Prepared


def test_it_is_made_once_and_anew_when_a_weight_or_a_layer_changes():
    made = []
    prepared, network = Prepared(lambda module: made.append(1)), nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    for _ in range(3):
        prepared(network)
    assert len(made) == 1
    network[0].weight.data[2, 1] += 1e-3  # no version counter sees this
    prepared(network)
    assert len(made) == 2
    network[1] = nn.Identity()
    prepared(network)
    assert len(made) == 3
    network[0].bias = None
    prepared(network)
    network.double()
    prepared(network)
    assert len(made) == 5


def test_weights_that_are_not_a_number_are_the_same_as_before():
    made = []
    prepared, network = Prepared(lambda module: made.append(1)), nn.Linear(3, 4)
    network.weight.data.fill_(float("nan"))
    prepared(network)
    prepared(network)
    assert len(made) == 1


@pytest.mark.parametrize("size", [1, 63, 64, 65, 1000, 300_000])
def test_any_changed_word_changes_the_digest_and_threads_do_not(size):
    words = np.random.default_rng(0).integers(0, 2**32, size, np.uint32)
    before = _core.digest(words, 1)
    assert before == _core.digest(words, 3)
    for place in {0, size // 2, size - 1}:
        for bit in (0, 31):
            words[place] ^= np.uint32(1 << bit)
            assert _core.digest(words, 1) != before
            words[place] ^= np.uint32(1 << bit)
    assert _core.digest(words[:-1], 1) != before and _core.digest(words, 2) == before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.uint8, torch.float64])
def test_weights_of_any_type_have_digests(dtype):
    x = torch.arange(77).to(dtype)
    assert _core.digest(x, 1) == _core.digest(x.clone(), 2)
