# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from tests.training.recipes import tiny
from tinify.errors import ConfigError
from tinify.losses import LAMBDAS
from tinify.training.image.rates import Rates
from tinify.training.image.recipe import Rate
from tinify.training.image.trainer import Trainer

STAGE_2 = ("QuantABCD", "gayn2zqstep", "scale_to_context")
VARIABLE = ["bmshj2018-hyperprior-vbr", "mbt2018-mean-vbr", "mbt2018-vbr"]


def _rates(levels=8, seed=0, **options):
    return Rates(SimpleNamespace(level_count=levels), Rate(**options), seed)


def test_weights_are_on_the_logarithmic_line_between_the_lowest_and_the_highest():
    rates = _rates(lmbda_low=0.01, lmbda_high=1.0)
    assert [rates.lmbda(level) for level in (0, 3.5, 7)] == pytest.approx([0.01, 0.1, 1.0])
    assert _rates(0, lmbda_low=0.01, lmbda_high=1.0).lmbda(None) == pytest.approx(0.1)


def test_weights_of_whole_levels_are_those_of_the_list():
    rates = _rates(lambdas=list(LAMBDAS["mse"]))
    assert [rates.lmbda(level) for level in range(8)] == pytest.approx(LAMBDAS["mse"])
    assert rates.lmbda(6.5) ** 2 == pytest.approx(LAMBDAS["mse"][6] * LAMBDAS["mse"][7])
    with pytest.raises(ConfigError, match=r"rate\.lambdas: 8 of them; the codec has 5 levels"):
        _rates(5, lambdas=list(LAMBDAS["mse"]))


def test_rates_of_a_step_are_spread_over_all_levels():
    points = [_rates(5, levels_per_step=4).of_step(step) for step in range(200)]
    for part in range(4):
        levels = [of_step[part].level for of_step in points]
        assert part <= min(levels) < part + 0.1 and part + 0.9 < max(levels) <= part + 1
    assert points[3] == _rates(5, levels_per_step=4).of_step(3) != _rates(5, 1, levels_per_step=4).of_step(3)


def test_a_codec_of_one_rate_has_one():
    (point,) = _rates(0, levels_per_step=4).of_step(9)
    assert point.level is None


def test_balance_divides_the_loss_by_a_power_of_its_weight():
    (point,) = _rates(balance=0.5).of_step(1)
    assert point.weight == pytest.approx(point.lmbda**-0.5)


def _two_stages(data, name, steps):
    rate = {"lambdas": list(LAMBDAS["mse"]), "first_stage_steps": steps, "levels_per_step": 2}
    codec = {"name": name, "N": 4, "M": 6} | ({} if name == "mbt2018-vbr" else {"vr_entbttlnck": True})
    return Trainer(replace(tiny(data, rate=rate), codec=codec))


@pytest.mark.parametrize("name", VARIABLE)
def test_each_of_two_stages_trains_what_it_is_for(data, name):
    trainer = _two_stages(data, name, steps=2)
    with torch.no_grad():  # scales that are not all at their bound, so that offsets have a gradient
        trainer.codec.g_a[6].weight *= 30
    crops = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)

    def steps(count):
        before = {key: p.detach().clone() for key, p in trainer.codec.named_parameters()}
        for _ in range(count):
            trainer.train_step(crops)
        return {key for key, p in trainer.codec.named_parameters() if torch.equal(before[key], p)}

    names = {key for key, _ in trainer.codec.named_parameters()}
    assert steps(2) == {key for key in names if key.startswith((*STAGE_2, "Gain"))}
    kept = steps(3)
    assert "Gain" in kept and not {key for key in kept if key.startswith(STAGE_2)}


def test_other_codecs_have_no_two_stages(data):
    with pytest.raises(ConfigError, match=r"rate\.first_stage_steps: this codec has no two stages"):
        Trainer(tiny(data, rate={"first_stage_steps": 2}))
