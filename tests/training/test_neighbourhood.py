# SPDX-License-Identifier: Apache-2.0
import numpy as np
import torch
from safetensors.torch import load_file

from tinify.data.series import SeriesSet
from tinify.models.series.dct_tokenizer import DctTokenizer
from tinify.training.neighbourhood import FitData, FitOptions, FitRecipe, fit, train

RECIPE = FitRecipe(
    {"kind": "codec", "name": "dct-tokenizer", "blocks": [8, 32], "lane": 256},
    FitData(values=20000),
    FitOptions(rates=6, numbers=500, steps=40),
    threads=1,
)


def sines(rows, seed):
    random, t = np.random.default_rng(seed), np.arange(rows)[:, None]
    return np.sin(2 * np.pi * t / random.uniform(20, 200, 3)) + 0.02 * random.standard_normal((rows, 3))


def fitted(rows):
    codec, x = DctTokenizer(blocks=(8, 32), lane=256), sines(rows, 0)
    fit(codec, [SeriesSet("sines", [x], x.mean(axis=0), x.std(axis=0))], RECIPE, lambda entry: None)
    return codec


def bits(codec, x):
    return -torch.log2(codec(x, 60).likelihoods["y"]).mean().item()


def test_fitting_learns_contexts_that_serve_series_it_has_not_seen():
    x = torch.from_numpy(sines(2000, 7).T[None].astype(np.float32))
    x = x / x.std(dim=2, keepdim=True)
    codec = fitted(3000)
    learned = bits(codec, x)
    for latent in codec.latent_codecs:  # the same tables, chosen without looking at the neighbours
        latent.prior.weights.zero_()
    assert learned < 0.75 * bits(codec, x)


def test_every_row_of_the_tables_is_a_distribution_even_where_nothing_was_counted():
    for latent in fitted(400).latent_codecs:
        cdfs, lengths, _ = latent.prior.tables()
        for cdf, length in zip(cdfs, lengths, strict=True):
            assert (np.diff(cdf[:length]) > 0).all() and cdf[length - 1] == 1 << 16


def test_a_recipe_gives_the_same_weights_twice(tmp_path):
    x = sines(3000, 0).astype(np.float32)
    folder = tmp_path / "timeseries"
    folder.mkdir()
    np.savez(folder / "sines.npz", x=x, segments=np.zeros(1, np.int64))
    (folder / "index.json").write_text('{"sines": {"file": "sines.npz", "split": {"train": [0, 3000]}}}')
    first, second = (train(RECIPE, tmp_path, tmp_path / run).state_dict() for run in ("a", "b"))
    assert all(torch.equal(first[key], second[key]) for key in first)
    stored = load_file(tmp_path / "a" / "weights.safetensors")
    assert all(torch.equal(stored[key], first[key]) for key in first)
    assert (tmp_path / "a" / "log.jsonl").read_text().count("block") == 2
