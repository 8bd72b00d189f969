# SPDX-License-Identifier: Apache-2.0
import hashlib

import numpy as np
import pytest
import torch

from tinify.entropy_models.fixed_point import (
    LOGIT_MAX,
    STATE_MAX,
    IntegerLinear,
    activation_tables,
    cdfs_of_logits,
    exp2,
    sigmoid,
    tanh,
)


def test_activation_tables_are_these_integers_on_every_machine():
    digest = hashlib.sha256(b"".join(table.tobytes() for table in activation_tables())).hexdigest()
    assert digest == "eefc431acae8c7eb07a9f108209f0e732a2d5507105af93700e3afe63a3dd748"


def test_gates_follow_the_functions_they_stand_for():
    x = np.arange(-20000, 20000)
    assert np.abs(sigmoid(x) / 2**14 - 1 / (1 + np.exp(-x / 2**11))).max() < 1e-3
    assert np.abs(tanh(x) / 2**15 - np.tanh(x / 2**11)).max() < 3e-3
    assert (np.diff(sigmoid(x)) >= 0).all() and (np.diff(tanh(x)) >= 0).all()


def test_powers_of_two_fall_and_stay_within_half_a_percent():
    depth = np.arange(12 * 1024)
    value = exp2(depth)
    assert value[0] == 65536 and (np.diff(value) <= 0).all()
    near = depth < 6 * 1024  # further down, whole numbers are coarser than that
    assert np.abs(value[near] / (65536 * 2.0 ** (-depth[near] / 1024)) - 1).max() < 0.005
    assert exp2(np.array([2 * LOGIT_MAX])) == 0


@pytest.mark.parametrize("codes", [1, 2, 9, 256, 4096])
def test_tables_are_valid_for_any_logits(codes):
    random = np.random.default_rng(0)
    logits = random.integers(-LOGIT_MAX, LOGIT_MAX + 1, (50, codes))
    logits[0], logits[1], logits[2, 0] = 0, LOGIT_MAX, LOGIT_MAX
    logits[3:] //= 200
    cdfs = cdfs_of_logits(logits)
    assert cdfs.shape == (50, codes + 2) and cdfs.dtype == np.int32
    assert (cdfs[:, 0] == 0).all() and (cdfs[:, -1] == 65536).all() and (np.diff(cdfs, axis=1) >= 1).all()


def test_tables_are_the_softmax():
    logits = np.random.default_rng(0).integers(-3000, 3000, (20, 64))
    expected = 2.0 ** (logits / 1024)
    expected /= expected.sum(axis=1, keepdims=True)
    found = np.diff(cdfs_of_logits(logits)[:, :-1]) / 65536
    assert np.abs(found - expected).max() < 2e-3 and ((found * np.log2(found / expected)).sum(axis=1) < 1e-3).all()


def test_a_rounded_layer_is_near_the_layer():
    torch.manual_seed(0)
    float_layer, layer = torch.nn.Linear(128, 64), IntegerLinear(128, 64, 15, 11)
    layer.take(float_layer.weight, float_layer.bias)
    x = np.random.default_rng(0).integers(-STATE_MAX, STATE_MAX + 1, (40, 128))
    expected = float_layer(torch.from_numpy(x / 2**15).float()).detach().numpy()
    assert np.abs(layer(x) / 2**11 - expected).max() < 0.02 and layer(x).dtype == np.int64


@pytest.mark.parametrize("scale", [0.0, 1e-8, 1.0, 1e6])
def test_weights_of_any_size_give_what_32_bits_hold(scale):
    layer = IntegerLinear(256, 3, 15, 11)
    layer.take(scale * torch.randn(3, 256), 1e9 * torch.ones(3))
    assert layer.weight.abs().max() <= 127 and layer.multiplier.min() >= 1 and layer.multiplier.max() <= 2047
    assert 1 <= layer.shift <= 24 and layer.bias.abs().max() <= 1 << 24
    worst = (127 * STATE_MAX * 256 >> 10) * 2047 + (1 << 23)
    assert worst < 2**31
