# SPDX-License-Identifier: Apache-2.0
import itertools

import pytest
import torch

from tests.models.image.active import VARIABLE, active_at_every_rate, tensor
from tinify.losses import LAMBDAS
from tinify.training.variable_rate import lmbda_at, train

STAGE_2 = ("QuantABCD", "gayn2zqstep", "scale_to_context")


def state_of(codec):
    return {name: p.detach().clone() for name, p in codec.named_parameters()}


@pytest.mark.parametrize("kind", VARIABLE)
def test_each_stage_trains_what_it_is_for(kind):
    codec, batches = active_at_every_rate(kind), itertools.repeat(tensor(64, 64))
    before = state_of(codec)
    first = list(train(codec, batches, (2, 0)))
    between = state_of(codec)
    assert {line["stage"] for line in first} == {1} and {line["level"] for line in first} == {7}
    same = {name for name in before if torch.equal(before[name], between[name])}
    assert same == {name for name in before if name.startswith((*STAGE_2, "Gain"))}
    second = list(train(codec, batches, (0, 3)))
    after = state_of(codec)
    assert {line["stage"] for line in second} == {2} and len({line["level"] for line in second}) == 3
    assert {name for name in after if torch.equal(between[name], after[name])} == {"Gain"}


def test_the_loss_falls():
    torch.manual_seed(0)
    codec = active_at_every_rate("mbt2018-mean-vbr")
    losses = [line["loss"] for line in train(codec, itertools.repeat(tensor(64, 64)), (25, 0), lr=3e-3)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_it_ends_with_the_batches():
    codec = active_at_every_rate("bmshj2018-hyperprior-vbr")
    assert len(list(train(codec, [tensor(64, 64)] * 2, (1, 5)))) == 2


def test_lambdas_of_whole_levels_are_the_published_ones():
    assert [lmbda_at(level) for level in range(8)] == pytest.approx(LAMBDAS["mse"])
    assert lmbda_at(6.5) ** 2 == pytest.approx(LAMBDAS["mse"][6] * LAMBDAS["mse"][7])
