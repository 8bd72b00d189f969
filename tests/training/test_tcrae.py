# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tinify import registry
from tinify.data.series import SeriesSet
from tinify.errors import InputError
from tinify.training.recipe import read_recipe
from tinify.training.tcrae import (
    TcraeHistograms,
    TcraeOptimizer,
    TcraeRecipe,
    _latents,
    best_ranges,
    distortion,
    learning_rate,
    train,
)

RECIPE = """
seed = 3
[codec]
kind = "codec"
name = "tcrae-seq"
window = 64
width = 8
strides = [2, 4]
dilations = [1]
histograms = 3
[data]
batch_size = 16
[optimizer]
steps = 40
warmup_steps = 5
[histograms]
windows = 100
item = 8
rounds = 2
"""


def write_sets(folder):
    t = np.arange(12000) / 20
    x = np.stack([np.sin(t), np.sin(1.7 * t) + 0.05 * np.random.default_rng(0).normal(size=t.shape)], 1)
    (folder / "timeseries").mkdir()
    index = {}
    for name, rows in (("sines", 12000), ("short", 3000)):
        np.savez(folder / "timeseries" / f"{name}.npz", x=x[:rows].astype(np.float32))
        split = {"train": [0, rows * 2 // 3], "val": [rows * 2 // 3, rows * 3 // 4], "test": [rows * 3 // 4, rows]}
        index[name] = {"file": f"{name}.npz", "split": split}
    (folder / "timeseries" / "index.json").write_text(json.dumps(index))
    return torch.from_numpy(((x - x.mean(0)) / x.std(0))[9000:].T.astype(np.float32).copy())[:, None, : 46 * 64]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tcrae")
    x = write_sets(folder)
    (folder / "train.toml").write_text(RECIPE)
    return train(read_recipe(folder / "train.toml", TcraeRecipe), folder, folder / "run").eval(), x, folder / "run"


def codec_of_the_recipe(**kwargs):
    options = {"window": 64, "width": 8, "strides": [2, 4], "dilations": [1], "histograms": 3, **kwargs}
    return registry.build_config({"kind": "codec", "name": "tcrae-seq", **options})


@torch.no_grad()
def test_a_short_training_codes_sines_in_few_bits(run):
    codec, x, _ = run
    out = codec.compress(x, quality=50)
    x_hat = codec.decompress(out.strings, out.shape).x_hat
    assert (x_hat - x).square().mean() < 0.02 * x.square().mean()
    assert 8 * len(out.strings[0][0]) / x.numel() < 1.5


def test_the_written_weights_are_those_of_the_codec(run):
    codec, _, folder = run
    other = codec_of_the_recipe()
    other.load_state_dict(load_file(folder / "weights.safetensors"))
    assert other.fingerprint() == codec.fingerprint()


def test_choosing_histograms_anew_saves_bits(run):
    *_, folder = run
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    bits = [entry["bits_per_latent"] for entry in log if "histogram_round" in entry]
    assert len(bits) == 3 and bits[-1] < bits[0]


def test_fitted_histograms_and_ranges_are_not_those_it_began_with(run):
    codec, fresh = run[0], codec_of_the_recipe()
    prior, other = codec.latent_codec.prior, fresh.latent_codec.prior
    assert not torch.equal(prior.cumulative, other.cumulative)
    assert not torch.equal(prior.transitions, other.transitions)
    assert (codec.ranges[1] - codec.ranges[0]).max() < 12


def test_tcrae_with_one_vector_trains_too(tmp_path):
    write_sets(tmp_path)
    text = RECIPE.replace('"tcrae-seq"', '"tcrae"').replace("strides = [2, 4]", 'latents = 6\ndirection = "attention"')
    (tmp_path / "train.toml").write_text(text.replace("steps = 40", "steps = 8\nrate_from = 0.5"))
    codec = train(read_recipe(tmp_path / "train.toml", TcraeRecipe), tmp_path, tmp_path / "run")
    assert codec.latent_codec.prior.histograms == 3


def test_a_specialist_takes_the_chosen_sets_alone(tmp_path):
    write_sets(tmp_path)
    (tmp_path / "train.toml").write_text(RECIPE.replace("[data]", '[data]\nsets = ["short"]').replace("40", "3"))
    (tmp_path / "timeseries" / "sines.npz").unlink()
    train(read_recipe(tmp_path / "train.toml", TcraeRecipe), tmp_path, tmp_path / "run")


def test_recordings_that_are_too_short_are_named():
    short = SeriesSet("short", [np.zeros((300, 1))], np.zeros(1), np.ones(1))
    with pytest.raises(InputError, match="no recording of short has 512 rows"):
        _latents(codec_of_the_recipe(), short, TcraeHistograms())


def test_a_budget_of_minutes_ends_a_run_of_many_steps(tmp_path):
    write_sets(tmp_path)
    text = RECIPE.replace("steps = 40", "steps = 1000000\nminutes = 0.002")
    (tmp_path / "train.toml").write_text(text)
    train(read_recipe(tmp_path / "train.toml", TcraeRecipe), tmp_path, tmp_path / "run")
    assert (tmp_path / "run" / "weights.safetensors").is_file()


def test_the_learning_rate_warms_up_and_ends_at_nothing():
    options = TcraeOptimizer(steps=100, lr=1.0, warmup_steps=10)
    rates = [learning_rate(options, step, step / 100) for step in range(101)]
    assert rates[0] == 0 and rates[5] < rates[10] and rates[-1] < 1e-6
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_distortion_is_the_bits_that_an_error_is_worth():
    x, step = torch.zeros(3, 1000), torch.full((3,), 0.5)
    x_hat = torch.tensor([0.1, 1.0, 2.0])[:, None] * (0.5 / 12**0.5) * torch.ones(3, 1000)
    bits = distortion(x, x_hat, step)
    unit = 0.5 / np.log(2)
    np.testing.assert_allclose(bits, [0.01 * unit, unit, unit + 1], rtol=1e-5)


def test_ranges_give_up_rare_values_for_finer_steps():
    y = torch.randn(4, 5000, 2, generator=torch.Generator().manual_seed(0))
    y[0, 0, 1] = 100.0
    ends = best_ranges([y])
    assert ends[1, 0] - ends[0, 0] > 6 and ends[1, 1] < 101
    assert ends.shape == (2, 2) and (ends[0] < 0).all()
