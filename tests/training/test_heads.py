# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tinify import registry
from tinify.errors import ConfigError
from tinify.training.heads import HeadRecipe, train
from tinify.training.recipe import read_recipe

RECIPE = """
seed = 1
threads = 1
[codec]
name = "tokenizer"
patch = 8
stages = 2
codebook_size = 16
width = 4
[data]
set = "motions"
rows = 64
stride = 32
batch_size = 32
[head]
task = "{task}"
trains = "{trains}"
horizon = 8
quality = 100
[optimizer]
steps = {steps}
lr = 1e-2
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two channels, slow in the first half and fast in the second, with a label that says so."""
    folder = tmp_path_factory.mktemp("heads")
    random, t = np.random.default_rng(0), np.arange(4000)
    phase = np.where(t < 2000, t / 12, t / 3)[:, None] + np.array([0.0, 1.0])
    x = np.sin(phase) + 0.02 * random.normal(size=(4000, 2))
    (folder / "timeseries").mkdir()
    labels = (t >= 2000).astype(np.int8)
    np.savez(folder / "timeseries" / "m.npz", x=x.astype(np.float32), labels=labels, segments=np.array([0, 2000]))
    split = {"train": [[0, 1600], [2000, 3600]], "test": [[1600, 2000], [3600, 4000]]}
    (folder / "timeseries" / "index.json").write_text(json.dumps({"motions": {"file": "m.npz", "split": split}}))
    return folder


def run(data, tmp_path, task, trains, steps):
    (tmp_path / "recipe.toml").write_text(RECIPE.format(task=task, trains=trains, steps=steps))
    head = train(read_recipe(tmp_path / "recipe.toml", HeadRecipe), data, tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    return head, log[-1]


@pytest.mark.parametrize("trains", ["head", "encoder", "codec"])
def test_motions_are_told_apart_from_tokens(data, tmp_path, trains):
    _, last = run(data, tmp_path, "classify", trains, 40)
    assert last["test_accuracy"] >= 0.9
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {"head.safetensors", "weights.safetensors"}


@pytest.mark.parametrize("trains", ["head", "codec"])
def test_forecasts_from_tokens_beat_the_mean(data, tmp_path, trains):
    _, last = run(data, tmp_path, "forecast", trains, 150)
    assert last["test_rmse"] < 0.75


def test_the_codec_stays_as_it_is_when_only_the_head_is_trained(data, tmp_path):
    run(data, tmp_path, "classify", "head", 5)
    recipe = read_recipe(tmp_path / "recipe.toml", HeadRecipe)
    torch.manual_seed(recipe.seed)
    fresh = registry.build_config({"kind": "codec", **recipe.codec})
    written = load_file(tmp_path / "run" / "weights.safetensors")
    assert all(torch.equal(value, fresh.state_dict()[key]) for key, value in written.items())


@pytest.mark.parametrize("task, trains", [("classify", "everything"), ("sing", "head")])
def test_unknown_choices_are_refused(data, tmp_path, task, trains):
    with pytest.raises(ConfigError, match="allowed"):
        run(data, tmp_path, task, trains, 1)
