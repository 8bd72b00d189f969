# SPDX-License-Identifier: Apache-2.0
import json
import sys
from dataclasses import replace

import pytest
import torch

from tinify.training import image
from tinify.training.image import Trainer, learning_rate, train
from tinify.training.recipe import Optimizer, read_recipe

from .recipes import TINY, write_pictures, write_recipe


@pytest.fixture
def data(tmp_path):
    write_pictures(tmp_path)
    return tmp_path


def _recipe(folder, steps=6, **codec):
    recipe = read_recipe(write_recipe(folder))
    return replace(
        recipe,
        codec={**recipe.codec, **codec},
        optimizer=replace(recipe.optimizer, steps=steps, lr=3e-3, warmup_steps=2),
    )


def _weights(trainer):
    return {f"{part}.{k}": v for part in ("codec", "average") for k, v in getattr(trainer, part).state_dict().items()}


def test_the_learning_rate_warms_up_and_falls_to_its_end():
    options = Optimizer(steps=100, lr=1.0, final_lr=0.1, warmup_steps=10)
    rates = [learning_rate(step, options) for step in range(101)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.1) and learning_rate(10**6, options) == pytest.approx(0.1)


@pytest.mark.parametrize("gain_levels", [0, 2])
def test_the_loss_falls(data, gain_levels):
    torch.manual_seed(0)
    trainer = Trainer(_recipe(data, steps=60, gain_levels=gain_levels))
    crops = torch.randint(100, 160, (2, 3, 64, 64), dtype=torch.uint8)
    losses = [trainer.train_step(crops)["loss"] for _ in range(60)]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(data, monkeypatch):
    recipe = _recipe(data)
    whole = train(recipe, data, data / "whole")
    step = Trainer.train_step

    def interrupted(self, crops):
        if self.step == 3:
            raise KeyboardInterrupt
        return step(self, crops)

    monkeypatch.setattr(Trainer, "train_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, data, data / "parts")
    monkeypatch.undo()
    resumed = train(recipe, data, data / "parts", resume=True)
    assert resumed.step == whole.step == 6
    for key, value in _weights(whole).items():
        assert torch.equal(value, _weights(resumed)[key]), key


def test_two_runs_of_a_recipe_agree_and_another_seed_does_not(data):
    recipe = _recipe(data, steps=2)
    first, again = (train(recipe, data, data / name) for name in ("first", "again"))
    other = train(replace(recipe, seed=4), data, data / "other")
    assert all(torch.equal(v, _weights(again)[k]) for k, v in _weights(first).items())
    assert not torch.equal(first.codec.g_a[0].weight, other.codec.g_a[0].weight)


def test_the_averaged_weights_stay_between_their_start_and_the_trained_ones(data):
    trainer = Trainer(_recipe(data))
    start = trainer.codec.g_a[0].bias.detach().clone()
    crops = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)
    for _ in range(5):
        trainer.train_step(crops)
    moved = (trainer.codec.g_a[0].bias - start).norm()
    followed = (trainer.average.g_a[0].bias - start).norm()
    assert 0 < followed < moved
    assert not trainer.average.training


def test_a_step_whose_gradient_is_not_finite_changes_no_network_weight(data):
    trainer = Trainer(_recipe(data))
    crops = torch.randint(256, (2, 3, 64, 64), dtype=torch.uint8)
    trainer.train_step(crops)
    before = {k: v.clone() for k, v in trainer.codec.state_dict().items() if "quantiles" not in k}
    trainer.codec.g_s[-1].bias.register_hook(lambda gradient: gradient * float("nan"))
    trainer.train_step(crops)
    assert all(torch.equal(v, trainer.codec.state_dict()[k]) for k, v in before.items())


def test_each_line_of_the_log_has_the_means_since_the_last(data):
    train(_recipe(data, steps=4), data, data / "run", log_every=2)
    lines = [json.loads(line) for line in (data / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert all(line["loss"] > 0 and line["bpp_loss"] > 0 and line["steps_per_s"] > 0 for line in lines)


def test_the_command_trains_a_recipe_to_a_checkpoint_that_loads_without_pickle(data, monkeypatch):
    recipe = write_recipe(data, TINY.replace("steps = 6", "steps = 1"))
    monkeypatch.setattr(sys, "argv", ["image", str(recipe), "--data", str(data), "--run", str(data / "run")])
    image.main()
    state = torch.load(data / "run" / "checkpoint.pt", weights_only=True)
    assert state["step"] == 1 and set(state) == {"codec", "average", "optimizer", "aux_optimizer", "step"}
