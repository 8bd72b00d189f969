# SPDX-License-Identifier: Apache-2.0
import numpy as np
from safetensors.torch import load_file

from tinify.data.series import SeriesSet
from tinify.models.series.series_mixing import SeriesMixing
from tinify.training import mixing, predictions
from tinify.training.mixing import MixingData, MixingOptions, MixingRecipe, learn, train
from tinify.training.predictions import linear_predictions

OPTIONS = MixingOptions(rates=4, values=3000)


def sines(rows, seed):
    random, t = np.random.default_rng(seed), np.arange(rows)[:, None]
    x = np.sin(2 * np.pi * t / random.uniform(20, 200, 3)) + 0.02 * random.standard_normal((rows, 3))
    return (x / x.std(axis=0)).astype(np.float32)


def size(codec, z):
    return sum(len(part) for string in codec.encode_series(z, 50)[1] for part in string)


def test_learning_serves_series_that_it_has_not_seen():
    taught = SeriesMixing(blocks=(32,))
    learn(taught, [[sines(4000, 0)], [sines(4000, 1)]], OPTIONS, 0, lambda entry: None)
    assert size(taught, sines(300, 7)) < size(SeriesMixing(blocks=(32,)), sines(300, 7))


def test_learning_is_the_same_each_time():
    codecs = [SeriesMixing(blocks=(32,)) for _ in range(2)]
    for codec in codecs:
        learn(codec, [[sines(1000, 0)]], OPTIONS, 3, lambda entry: None)
    assert codecs[0].fingerprint() == codecs[1].fingerprint()


def test_a_run_writes_weights_and_a_log(tmp_path, monkeypatch):
    x = sines(1000, 0).astype(np.float64)
    monkeypatch.setattr(mixing, "read_series_sets", lambda *_: [SeriesSet("sines", [x], x.mean(axis=0), x.std(axis=0))])
    table = {"kind": "codec", "name": "series-mixing", "blocks": [16]}
    codec = train(MixingRecipe(table, MixingData(), OPTIONS, threads=1), tmp_path, tmp_path / "run")
    fresh = SeriesMixing(blocks=(16,))
    fresh.load_state_dict(load_file(tmp_path / "run" / "weights.safetensors"))
    assert fresh.fingerprint() == codec.fingerprint()
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 2


def test_predictions_find_a_linear_law():
    random, x = np.random.default_rng(0), np.zeros((5000, 2))
    x[:, 0] = random.normal(size=5000)
    for t in range(2, 5000):
        x[t, 1] = 1.5 * x[t - 1, 1] - 0.7 * x[t - 2, 1] + 0.5 * x[t, 0] + 0.1 * random.normal()
    first, table = linear_predictions([x], predictions.count(2))
    weights = {(lag, channel): weight / 65536 for lag, channel, weight in table[first[1] :]}
    predicted = sum(w * x[100 - lag : 5000 - lag, channel] for (lag, channel), w in weights.items())
    assert (x[100:, 1] - predicted).std() < 0.12


def test_no_features_no_predictions():
    first, table = linear_predictions([np.zeros((50, 3))], 0)
    assert not first.any() and table.shape == (0, 3)
