# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tests.entropy_models.priors import SMALL, sticky
from tinify.errors import InputError
from tinify.training.token_prior import PriorTraining, train_prior, validation_bits

QUICK = PriorTraining(steps=40, window=32, batch_size=16, lr=1e-2, look_every=20)


@pytest.mark.parametrize("name", SMALL)
def test_training_brings_the_bits_of_unseen_tokens_down(name):
    prior = SMALL[name](2, 8)
    train_prior(prior, sticky(levels=2), QUICK)
    assert prior.token_bits(sticky(seed=1, levels=2)).mean() < 2.75  # 3 before


def test_the_same_seed_gives_the_same_integers_and_leaves_other_randomness_alone():
    states = []
    for _ in range(2):
        prior = SMALL["gru"](2, 8)
        torch.manual_seed(5)
        train_prior(prior, sticky(levels=2), QUICK)
        states.append((prior.state_dict(), torch.rand(())))
    assert all(torch.equal(states[0][0][key], states[1][0][key]) for key in states[0][0])
    assert torch.equal(states[0][1], states[1][1])


def test_the_state_kept_is_the_best_on_the_sequences_held_back():
    tokens, seen = np.random.default_rng(0).integers(0, 8, (6, 20, 1)), []
    options = PriorTraining(steps=400, window=20, batch_size=8, lr=3e-2, look_every=10, patience=3, corruption=0.0)
    network = train_prior(SMALL["gru"](1, 8), tokens, options, seen.append)
    bits = [entry["bits"] for entry in seen]
    assert len(bits) < 40 and bits[-1] > min(bits)  # noise is learnt by heart until patience ends
    held = torch.from_numpy(tokens[[2, 5]] if len(tokens[9::10]) else tokens)
    assert abs(validation_bits(network, [held]) - min(bits)) < 1e-3


def test_training_ends_with_its_minutes():
    seen = []
    train_prior(SMALL["gru"](1, 8), sticky(levels=1), PriorTraining(steps=10**6, minutes=0.01), seen.append)
    assert seen[-1]["step"] < 10**5


def test_arrays_with_different_levels_are_learnt_together():
    prior = SMALL["gru"](2, 8)
    train_prior(prior, [sticky(levels=1), sticky(levels=2, steps=30)], QUICK)
    for levels in (1, 2):
        assert prior.token_bits(sticky(seed=1, levels=levels)).mean() < 2.95


def test_a_network_can_be_trained_further():
    prior = SMALL["gru"](2, 8)
    network = train_prior(prior, sticky(levels=2), QUICK)
    before = prior.token_bits(sticky(seed=1, levels=2)).mean()
    assert train_prior(prior, sticky(levels=2), QUICK, network=network) is network
    assert prior.token_bits(sticky(seed=1, levels=2)).mean() < before


@pytest.mark.parametrize(
    "tokens", [np.full((2, 5, 1), 8), np.zeros((2, 5, 3), int), np.zeros((2, 5), int), np.zeros((0, 5, 1), int)]
)
def test_tokens_that_are_none_are_refused(tokens):
    with pytest.raises(InputError):
        train_prior(SMALL["gru"](2, 8), tokens, QUICK)
