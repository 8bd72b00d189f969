# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tinify.data.series import SeriesWindows, read_series_sets
from tinify.models.series import Tokenizer
from tinify.training.recipe import read_recipe
from tinify.training.run import start
from tinify.training.series import SeriesRecipe, step_loss, train, train_networks
from tinify.training.token_rates import TokenRates

RECIPE = """
seed = 3
[codec]
kind = "codec"
name = "tokenizer"
patch = 8
stages = 3
codebook_size = 32
width = 16
[data]
window = 128
batch_size = 16
first_batch_size = 64
[optimizer]
steps = 60
[prior]
qualities = [50.0, 100.0]
patches = 2000
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    t = np.arange(20000) / 20
    x = np.stack([np.sin(t), np.sin(1.7 * t) + 0.05 * np.random.default_rng(0).normal(size=t.shape)], 1)
    (folder / "timeseries").mkdir()
    np.savez(folder / "timeseries" / "sines.npz", x=x.astype(np.float32))
    split = {"train": [0, 16000], "val": [16000, 17000], "test": [17000, 20000]}
    (folder / "timeseries" / "index.json").write_text(json.dumps({"sines": {"file": "sines.npz", "split": split}}))
    (folder / "train.toml").write_text(RECIPE)
    codec = train(read_recipe(folder / "train.toml", SeriesRecipe), folder, folder / "run")
    z = ((x - x.mean(0)) / x.std(0))[17000:].T.astype(np.float32)
    return codec.eval(), torch.from_numpy(z)[None, :, :2992], folder / "run"


@torch.no_grad()
def test_a_short_training_learns_sines(run):
    codec, x, _ = run
    out = codec.compress(x, quality=100)
    x_hat = codec.decompress(out.strings, out.shape).x_hat
    assert (x_hat - x).square().mean() < 0.02 * x.square().mean()
    assert 8 * len(out.strings[0][0]) / x.numel() < 1.5


def test_the_written_weights_are_those_of_the_codec(run):
    codec, _, folder = run
    other = Tokenizer(patch=8, stages=3, codebook_size=32, width=16)
    other.load_state_dict(load_file(folder / "weights.safetensors"))
    assert other.fingerprint() == codec.fingerprint()


def test_the_prior_that_was_counted_saves_bits(run):
    *_, folder = run
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    bits = [entry["bits_per_value_before"] for entry in log if "prior_round" in entry]
    assert len(bits) == 3 and bits[1] < 0.8 * bits[0]


def short(folder, codec, optimizer):
    table = {"codec": {"name": "tokenizer", "patch": 8, **codec}, "optimizer": optimizer}
    text = "\n".join(f"[{name}]\n" + "\n".join(f"{k} = {json.dumps(v)}" for k, v in entries.items())
                     for name, entries in table.items())  # fmt: skip
    (folder / "short.toml").write_text(text + "\n[data]\nwindow = 128\nbatch_size = 16\nfirst_batch_size = 64\n")
    return read_recipe(folder / "short.toml", SeriesRecipe)


def trained(recipe, folder):
    codec = start(recipe, folder / "short")
    sets = read_series_sets(folder / "timeseries", "train")
    train_networks(codec, SeriesWindows(sets, recipe.data.window, recipe.seed), recipe, lambda entry: None)
    return codec.eval()


def entropy(rates):
    return float((rates.shares * rates.bits()).sum())


def test_the_weight_of_bits_makes_tokens_in_training_more_alike(run):
    _, x, folder = run
    recipe = short(folder.parent, {"stages": 1, "codebook_size": 32}, {"steps": 1})
    codec, entropies = trained(recipe, folder.parent).train(), []
    for weight in (0.0, 30.0):
        rates = TokenRates(codec.latent_codec.quantizer, weight, decay=0.8)
        for _ in range(30):
            step_loss(codec, x[0], rates, share=1.0)
        entropies.append(entropy(rates))
    assert entropies[1] < 0.9 * entropies[0]


def test_bits_with_a_gradient_make_the_latents_smaller(run):
    _, x, folder = run
    entropies = []
    for weight in (0.0, 4.0):
        options = {"steps": 80, "lr": 1e-2, "rate_weight": weight}
        parts = {"quantizer": "scalar-tokens", "codebook_size": 32}
        codec = trained(short(folder.parent, parts, options), folder.parent)
        rates = TokenRates(codec.latent_codec.quantizer, 1.0, decay=0.0)
        rates.follow(codec.latent_codec.quantizer.quantize(codec.analysis(x[0])))
        entropies.append(entropy(rates))
    assert entropies[1] < 0.9 * entropies[0]


def test_minutes_end_the_training(run):
    _, _, folder = run
    recipe = short(folder.parent, {"stages": 1, "codebook_size": 8}, {"steps": 10**9, "minutes": 0.002})
    assert trained(recipe, folder.parent) is not None


def test_codebooks_follow_the_data_where_there_is_no_network(run):
    _, x, folder = run
    parts = {"stages": 2, "codebook_size": 16, "transform": "identity"}
    codec = trained(short(folder.parent, parts, {"steps": 20}), folder.parent)
    assert (codec(x, 2).x_hat - x).square().mean() < 0.2
