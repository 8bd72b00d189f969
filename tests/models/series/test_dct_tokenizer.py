# SPDX-License-Identifier: Apache-2.0
import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify import container
from tinify.data.series import SeriesSet
from tinify.errors import ConfigError, InputError, TinifyError
from tinify.models.series.dct_tokenizer import DctTokenizer
from tinify.signal import Signal
from tinify.training.neighbourhood import FitData, FitOptions, FitRecipe, fit

DTYPES = ["float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def sines(rows, channels, seed=0, dtype="float32", amplitude=50.0):
    random, t = np.random.default_rng(seed), np.arange(rows)[:, None]
    periods, phases = random.uniform(20, 200, channels), random.uniform(0, 6, channels)
    x = 1 + np.sin(2 * np.pi * t / periods + phases) + 0.02 * random.standard_normal((rows, channels))
    x *= amplitude
    return (np.abs(np.rint(x)) if np.dtype(dtype).kind in "iu" else x).astype(dtype)


@pytest.fixture(scope="module")
def codec():
    torch.set_num_threads(1)
    codec = DctTokenizer(blocks=(8, 32), lane=256)
    codec.name = "dct-tokenizer"
    x = sines(4000, 3)
    sets = [SeriesSet("sines", [x], x.mean(axis=0), x.std(axis=0))]
    recipe = FitRecipe({}, FitData(values=20000), FitOptions(rates=6, numbers=500, steps=40))
    fit(codec, sets, recipe, lambda entry: None)
    return codec


def round_trip(codec, samples, quality=None):
    data = container.pack(codec.pack(Signal("series", samples), quality=quality))
    return codec.unpack(container.unpack(data)).samples, len(data)


def nrmse(x, y):
    return float(np.sqrt(np.mean(((x.astype(float) - y) / x.astype(float).std(axis=0)) ** 2)))


def test_more_quality_means_less_error_and_more_bytes(codec):
    x = sines(3000, 2, seed=5)
    results = [round_trip(codec, x, quality) for quality in (10, 30, 50, 70, 90)]
    errors, sizes = [nrmse(x, y) for y, _ in results], [size for _, size in results]
    assert all(np.diff(errors) < 0)
    assert all(np.diff(sizes) > 0)
    assert errors[2] < 0.06 and sizes[2] < x.nbytes / 6


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 700), st.integers(0, 5), st.sampled_from(DTYPES), st.integers(0, 50), st.sampled_from([0, 40, 100])
)
def test_every_shape_and_type_comes_back_in_shape_and_near(codec, rows, channels, dtype, seed, quality):
    x = sines(rows, channels, seed, dtype)
    y, _ = round_trip(codec, x, quality)
    assert y.shape == x.shape and y.dtype == x.dtype
    if x.size and quality == 100:
        assert np.abs(x.astype(float) - y).max() <= 3.0


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 300), st.integers(1, 4), st.integers(0, 99), st.floats(0, 1))
def test_gaps_and_infinities_come_back_where_they_were(codec, rows, channels, seed, share):
    random, x = np.random.default_rng(seed), sines(rows, channels, seed, "float64")
    x[random.random(x.shape) < share] = np.nan
    x[random.random(x.shape) < 0.02] = np.inf
    x[random.random(x.shape) < 0.02] = -np.inf
    y, _ = round_trip(codec, x, 60)
    for same in (np.isnan, np.isposinf, np.isneginf):
        assert np.array_equal(same(x), same(y))


def test_constant_channels_and_empty_and_one_row_series_come_back_exactly(codec):
    x = sines(500, 3, dtype="float64")
    x[:, 1] = 0.1
    assert np.array_equal(round_trip(codec, x)[0][:, 1], x[:, 1])
    for exact in (np.full((300, 2), 7, np.int16), np.zeros((0, 3), np.float32), np.array([[1.5, np.nan]])):
        assert np.array_equal(round_trip(codec, exact)[0], exact, equal_nan=True)


@pytest.mark.parametrize("offset, amplitude", [(1e30, 1e25), (0.0, 1e-310), (-5e8, 1.0), (0.0, 1e300)])
def test_huge_offsets_and_tiny_or_huge_amplitudes_keep_their_shape(codec, offset, amplitude):
    x = offset + sines(600, 2, dtype="float64", amplitude=amplitude)
    assert nrmse(x / np.abs(x).max(), round_trip(codec, x, 60)[0] / np.abs(x).max()) < 0.05


def test_a_spike_far_out_is_kept(codec):
    x = sines(2000, 1, dtype="float64")
    x[777] = 1e7
    y, _ = round_trip(codec, x, 50)
    assert abs(y[777, 0] / 1e7 - 1) < 0.01


def test_channels_that_move_together_cost_little_more_than_one(codec):
    one = sines(4000, 1, seed=3)
    noise = np.random.default_rng(0).standard_normal((4000, 30)).astype(np.float32)
    _, single = round_trip(codec, one, 40)
    y, many = round_trip(codec, one + 0.01 * noise, 40)
    assert many < 6 * single and nrmse(one.repeat(30, 1), y) < 0.1


def test_given_scales_say_what_an_error_counts_in_each_channel(codec):
    x = sines(2000, 2)
    file = codec.pack(Signal("series", x), quality=50, scale=np.array([1.0, 100.0]))
    error = np.abs(codec.unpack(file).samples - x).mean(axis=0)
    assert error[1] > 5 * error[0]
    with pytest.raises(InputError):
        codec.pack(Signal("series", x), scale=np.array([1.0, -1.0]))


def test_estimated_and_written_bits_agree(codec):
    x = torch.from_numpy(sines(3000, 1).T[None] / 25 - 2)
    bits = -torch.log2(codec(x, 50).likelihoods["y"]).sum().item()
    out = codec.compress(x, 50)
    assert 8 * sum(len(s) for stream in out.strings for s in stream) == pytest.approx(bits, rel=0.01, abs=512)
    assert torch.equal(codec.decompress(out.strings, out.shape).x_hat, codec(x, 50).x_hat)


def test_mutated_files_are_named_errors_or_series_of_the_right_shape(codec):
    x = sines(700, 4)
    file, random = codec.pack(Signal("series", x), quality=40), np.random.default_rng(0)
    for _ in range(80):
        sections = list(file.sections)
        at = random.integers(len(sections))
        data = bytearray(sections[at].data)
        data[random.integers(len(data))] ^= 1 << random.integers(8)
        end = random.integers(len(data) // 2, len(data) + 1)
        sections[at] = container.Section(sections[at].kind, bytes(data[:end]))
        params = file.params if random.random() < 0.7 else random.bytes(len(file.params))
        hostile = container.TnfFile(
            file.modality, file.codec, file.fingerprint, file.shape, file.dtype, params, tuple(sections)
        )
        with contextlib.suppress(TinifyError):
            assert codec.unpack(hostile).samples.shape == x.shape


def test_blocks_that_do_not_divide_the_lane_are_refused():
    with pytest.raises(ConfigError):
        DctTokenizer(blocks=(16, 48), lane=4096)
