# SPDX-License-Identifier: Apache-2.0
import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from tinify.entropy_models.scaled_histogram import ScaledHistogram
from tinify.errors import FormatError, TinifyError
from tinify.latent_codecs.scaled_histogram import ScaledHistogramLatentCodec

SCALES = np.array([4.0, 1.0, 0.2, 0.03])


def latents(items, steps, loudness=1.0, seed=0):
    y = np.random.default_rng(seed).laplace(scale=SCALES * loudness, size=(items, steps, len(SCALES)))
    return torch.from_numpy(y.astype(np.float32))


@pytest.fixture(scope="module")
def codec():
    prior = ScaledHistogram(len(SCALES), histograms=3)
    prior.fit(np.stack([prior.count(latents(1, 50000, loudness).numpy()) for loudness in (1.0, 0.1, 10.0)]))
    return ScaledHistogramLatentCodec(prior, run=32)


@pytest.mark.parametrize("rate", [0, 33, 80])
@pytest.mark.parametrize("items", [1, 7, 64])
def test_integers_come_back_for_any_number_of_items(codec, items, rate):
    y = latents(items, 11, seed=1)
    q = codec.quantize(y, rate)
    assert torch.equal(codec.decode(codec.encode(q, rate), (items, 11, rate)), q)


def test_each_run_takes_the_histogram_that_suits_it(codec):
    y = torch.cat([latents(2, 64, loudness, seed=2) for loudness in (10.0, 0.1, 1.0)], dim=1)
    y = torch.cat([y, latents(2, 5, 10.0, seed=3)], dim=1)
    chosen = codec.choose(codec.quantize(y, 40), 40)
    assert chosen.tolist() == [[2, 2, 1, 1, 0, 0, 2]] * 2


def test_histograms_that_follow_each_other_cost_few_bits(codec):
    mine = copy.deepcopy(codec)
    q = mine.quantize(latents(8, 32 * 100, 0.001), 8)
    before = len(mine.encode(q, 8))
    counts = np.ones((4, 3))
    counts[[0, 1, 2], [0, 1, 2]] = 1000
    mine.prior.fit_transitions(counts)
    assert len(mine.encode(q, 8)) < 0.3 * before
    assert torch.equal(mine.decode(mine.encode(q, 8), (8, 3200, 8)), q)


@pytest.mark.parametrize("rate", [16, 48])
def test_written_bits_are_estimated_bits(codec, rate):
    y = latents(3, 4000, seed=3)
    estimated = -sum(p.log2().sum().item() for p in codec(y, rate).likelihoods.values()) / 8
    assert abs(len(codec.compress(y, rate).strings[0][0]) - estimated) < 0.01 * estimated + 16


def test_rounding_leans_towards_zero_at_coarse_steps_alone(codec):
    for rate, expected in ((8, [0, -1, 1, -2]), (72, [1, -1, 2, -2])):
        y = codec.step(rate) * torch.tensor([0.55, -0.7, 1.55, -1.7])[None, None]
        assert codec.quantize(y, rate)[0, 0].tolist() == expected


def test_values_never_seen_are_escaped(codec):
    y = latents(2, 5)
    y[0, 0], y[1, 2, 3] = 5000.0, -1e30
    y[1, 4, 0], y[1, 4, 1] = float("inf"), float("nan")
    q = codec.quantize(y, 60)
    assert torch.equal(codec.decode(codec.encode(q, 60), (2, 5, 60)), q)


@pytest.mark.parametrize("rate", [44, 64, 80])
def test_the_latent_is_off_by_half_a_step_or_a_little_more_where_steps_are_coarse(codec, rate):
    y = latents(4, 30, seed=4)
    out = codec.compress(y, rate)
    assert (out.y_hat - y).abs().max() <= (0.55 if rate < 64 else 0.5001) * codec.step(rate)
    assert torch.equal(codec.decompress(out.strings, out.shape).y_hat, out.y_hat)


@pytest.mark.parametrize("shape", [(0, 0, 10), (0, 5, 10), (3, 0, 10)])
def test_nothing_at_all_is_a_string_too(codec, shape):
    out = codec.compress(torch.zeros(*shape[:2], len(SCALES)), shape[2])
    assert codec.decompress(out.strings, out.shape).y_hat.shape == (*shape[:2], len(SCALES))


@pytest.mark.parametrize("shape", [(3, 7, 81), (3, 7, 255), (-1, 7, 9), (1 << 20, 1 << 20, 9), (1 << 14, 1 << 14, 9)])
def test_shapes_that_cannot_be_are_refused_at_once(codec, shape):
    with pytest.raises(FormatError):
        codec.decode(codec.encode(codec.quantize(latents(3, 7), 9), 9), shape)


def test_damaged_strings_give_tinify_errors_or_numbers(codec):
    string = codec.encode(codec.quantize(latents(3, 40), 50), 50)
    random = np.random.default_rng(0)
    for _ in range(200):
        bad = bytearray(string)
        bad[random.integers(len(bad))] ^= 1 << random.integers(8)
        cut = bytes(bad)[: random.integers(1, len(bad) + 1)]
        try:
            assert codec.decode(cut, (3, 40, 50)).shape == (3, 40, len(SCALES))
        except TinifyError:
            continue


def test_new_histograms_are_used_at_once(codec):
    mine = copy.deepcopy(codec)
    y = latents(2, 500)
    before = len(mine.compress(y, 40).strings[0][0])
    mine.prior.fit(np.stack([mine.prior.count(100 * latents(1, 1000).numpy())] * 3))
    assert len(mine.compress(y, 40).strings[0][0]) > before + 100


def test_many_threads_and_rates_at_once_give_the_same_strings(codec):
    y = latents(2, 50)
    alone = [codec.compress(y, rate).strings for rate in range(0, 80, 5)]
    fresh = copy.deepcopy(codec)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda rate: fresh.compress(y, rate).strings, range(0, 80, 5))) == alone
