# SPDX-License-Identifier: Apache-2.0
"""Bounds hold and bits come back, for every type and whatever the numbers, through the bytes of a file."""

import dataclasses
import random
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.models.series.rounding import Fitted, Rounding, walk
from tinify import container
from tinify.errors import ConfigError, TinifyError
from tinify.models.series.bounded import ESCAPES, GRIDS
from tinify.models.series.error_bound import ErrorBound
from tinify.models.series.grid_predictions import Predictions, find_predictions
from tinify.models.series.series_mixing import SeriesMixing
from tinify.signal import Signal
from tinify.training.fit import FitOptions, fit

TYPES = ["float16", "float32", "float64", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", "bool"]


def there_and_back(codec, x, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = container.pack(codec.pack(Signal("series", x), **options))
        y = codec.unpack(container.unpack(data)).samples
    assert y.shape == x.shape and y.dtype == x.dtype
    return y, data


def beyond(x, y, eps):
    """How many finite numbers are further off than eps (C,), and how many others did not come back as they were."""
    finite = np.isfinite(x)
    if x.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            near = np.abs(x.astype(np.float64) - y.astype(np.float64)) <= eps
        return int((finite & ~near).sum()) + int((~finite & ~((x == y) | (np.isnan(x) & np.isnan(y)))).sum())
    far = np.array([[abs(int(a) - int(b)) for a, b in zip(*rows, strict=True)] for rows in zip(x, y, strict=True)])
    return int((far.reshape(x.shape) > eps).sum())


def assert_kept(codec, x, eps, **options):
    y, data = there_and_back(codec, x, max_error=ErrorBound(eps), **options)
    assert beyond(x, y, np.broadcast_to(eps, x.shape[1:])) == 0
    return data


def assert_exact(codec, x, **options):
    y, data = there_and_back(codec, x, lossless=True, **options)
    assert x.tobytes() == y.tobytes()
    return data


def kinds_of(data):
    return [section.kind & ~container.CRITICAL for section in container.unpack(data).sections]


@st.composite
def wild(draw):
    """Any samples of any type: few of them, all kinds of numbers, with many alike."""
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    shape = draw(st.tuples(st.integers(0, 20), st.integers(0, 4)))
    return draw(arrays.arrays(dtype, shape, fill=arrays.from_dtype(dtype)))


@st.composite
def series(draw):
    """Walks, noise and steps of any scale and offset, with spikes, gaps and rounding."""
    random_ = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    rows, channels = draw(st.integers(1, 300)), draw(st.integers(1, 5))
    x = random_.normal(size=(rows, channels))
    x = draw(st.sampled_from([x.cumsum(axis=0), x, np.sign(x), np.rint(3 * x) / 8, np.round(x.cumsum(axis=0), 2)]))
    x = x * draw(st.sampled_from([1.0, 1e-310, 1e-40, 1e-7, 300.0, 1e6, 1e18, 1e30]))
    x = x + draw(st.sampled_from([0.0, 0.0, 1.0, -1e4, 1e9, 1e30]))
    for value in draw(st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e300, 5e-324, -0.0, 65504.0]))):
        at, length = random_.integers(rows), draw(st.sampled_from([1, 1, 20]))
        x[at : at + length, random_.integers(channels)] = value
    dtype = np.dtype(draw(st.sampled_from(TYPES)))
    if dtype.kind != "f":
        limits = np.iinfo(dtype if dtype.kind != "b" else np.uint8)
        x = np.clip(np.nan_to_num(x), float(limits.min), np.nextafter(float(limits.max), 0))
    with np.errstate(all="ignore"):
        return x.astype(dtype)


BOUNDS = st.one_of(
    st.sampled_from([0.0, 1e-320, 1e-6, 1e-3, 0.01, 0.05, 0.25, 0.5, 1.0, 2.0, 3.0, 77.7, 1e15, 1e300]),
    st.floats(0, 1e4, allow_subnormal=True),
)


@settings(max_examples=100, deadline=None)
@given(wild(), BOUNDS)
def test_any_numbers_come_back_within_the_bound(x, eps):
    assert_kept(Rounding(), x, eps)


@settings(max_examples=100, deadline=None)
@given(series(), BOUNDS)
def test_series_with_spikes_gaps_and_offsets_come_back_within_the_bound(x, eps):
    assert_kept(Rounding(), x, eps)


@settings(max_examples=100, deadline=None)
@given(st.one_of(wild(), series()))
@example(np.array([[-0.0], [0.0], [np.nan]]))
@example(np.array([[0x7FC00001], [0x7FC00000], [0xFFC00000], [0x3F800000]], np.uint32).view(np.float32))
@example(np.array([[-(1 << 63)], [(1 << 63) - 1]]))
def test_lossless_is_to_the_bit(x):
    assert_exact(Rounding(), x)


@settings(max_examples=30, deadline=None)
@given(series(), st.sampled_from([1e-3, 0.01, 0.2]), st.sampled_from(["range", "sigma"]), st.integers(10, 100))
def test_relative_bounds_are_of_the_whole_series_in_any_chunks(x, value, of, chunk):
    y, _ = there_and_back(Rounding(), x, max_error=ErrorBound(value, of), chunk=chunk)
    wide = np.where(np.isfinite(x), x, np.nan).astype(np.float64)
    known = ~np.isnan(wide).all(axis=0)
    eps = np.zeros(x.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        top, bottom = np.nanmax(wide[:, known], axis=0), np.nanmin(wide[:, known], axis=0)
        unit = np.nanstd(wide[:, known], axis=0) if of == "sigma" else top - bottom
        # A deviation that overflows here does not there.
        eps[known] = value * np.where(np.isfinite(unit), unit, np.finfo(float).max) * (1 + 1e-12)
    assert beyond(x, y, np.where(eps > 0, eps, 1e-300)) == 0


@settings(max_examples=30, deadline=None)
@given(series(), st.sampled_from([0.0, 0.01, 0.5, 3.0]))
def test_series_mixing_keeps_the_bound(x, eps):
    codec = SeriesMixing(blocks=[8, 32])
    codec.name = "mixing"
    assert_kept(codec, x, eps)


@pytest.mark.parametrize("quality", [5, 25, 60])
def test_any_base_is_corrected(quality):
    x = np.sin(np.arange(3000)[:, None] / np.array([5, 50, 300])).astype(np.float32)
    assert_kept(Rounding(), x, 0.01, quality=quality)


def test_a_base_is_taken_where_it_pays_and_only_for_channels_that_gain():
    random_ = np.random.default_rng(0)
    tones = np.cos(np.pi * np.outer(random_.integers(5, 60, 320), np.arange(64) + 0.5) / 64)  # another in each block
    smooth = tones.reshape(-1)[:20000]
    noise = np.random.default_rng(0).integers(0, 2, 20000)
    codec = SeriesMixing(blocks=[16, 64])
    codec.name = "mixing"
    x = np.stack([smooth, noise], axis=1).astype(np.float32)
    data = assert_kept(codec, x, 0.03)
    assert 21 in kinds_of(data)
    alone, _ = there_and_back(codec, x[:, 1:], max_error=0.03)
    assert 21 not in kinds_of(assert_kept(codec, x[:, 1:], 0.03))
    assert alone.shape == (20000, 1)


def test_a_codec_with_scales_of_its_own_keeps_the_bound():
    x = walk(2000) * np.float32(0.01) + 5
    assert_kept(Fitted(), x, 0.02)
    assert_kept(Fitted(), x, 1e-6)


def test_each_channel_has_its_own_bound():
    x = walk(5000, 3)
    y, _ = there_and_back(Rounding(), x, max_error=ErrorBound([0.0, 0.1, 2.0]))
    off = np.abs(x.astype(np.float64) - y).max(axis=0)
    assert off[0] == 0 and 0.05 < off[1] <= 0.1 and 1 < off[2] <= 2


def test_what_is_constant_within_the_bound_costs_nothing():
    x = 5 + np.random.default_rng(0).uniform(-0.1, 0.1, (100000, 3)).astype(np.float32)
    assert len(assert_kept(Rounding(), x, 0.11)) < 80


def test_a_spike_costs_a_few_bytes():
    x = walk(20000, 1)
    plain = len(assert_kept(Rounding(), x, 0.05))
    x[777] = 1e30
    data = assert_kept(Rounding(), x, 0.05)
    assert len(data) < plain + 40 and ESCAPES & ~container.CRITICAL in kinds_of(data)


@pytest.mark.parametrize("unit", [0.01, 0.25, 5.0, 2.0**-9])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_decimals_and_powers_of_two_are_found(unit, dtype):
    k = np.random.default_rng(0).integers(-3, 4, 20000).cumsum()[:, None]
    data = assert_exact(Rounding(), np.round(k * unit, 9).astype(dtype))
    assert len(data) < 20000 * 3.2 / 8


def test_integers_have_their_common_divisor_taken_out():
    k = np.random.default_rng(0).integers(-3, 4, 20000).cumsum()[:, None]
    sizes = [len(assert_exact(Rounding(), (k * step + 7).astype(np.int64))) for step in (1, 1000)]
    assert sizes[1] < sizes[0] + 20


def test_whole_numbers_use_all_of_the_bound():
    x = np.random.default_rng(0).integers(0, 256, (20000, 1)).astype(np.uint8)
    sizes = [len(assert_kept(Rounding(), x, eps)) for eps in (0.9, 1.0, 1.9)]
    assert sizes[1] == sizes[2] < 0.9 * sizes[0]


def test_text_keeps_its_decimals_and_the_bound():
    x = np.round(walk(3000, 2).astype(np.float64), 2)
    file = Rounding().pack(Signal("series", x, {"csv": b"some"}), max_error=0.037)
    y = Rounding().unpack(file).samples
    assert np.array_equal(np.round(y, 2), y) and np.abs(x - y).max() <= 0.037


def test_bounds_that_make_no_sense_are_refused():
    signal = Signal("series", walk(100, 2))
    for wrong in (-1.0, np.nan, np.inf, "1%", [0.1] * 3, [[0.1]]):
        with pytest.raises(ConfigError):
            Rounding().pack(signal, max_error=wrong)
    with pytest.raises(ConfigError, match="exclude"):
        Rounding().pack(signal, max_error=0.1, lossless=True)
    with pytest.raises(ConfigError, match="absolute, range, sigma"):
        ErrorBound(0.1, "percent")


def forged(file, draw):
    sections = list(file.sections)
    number = draw.randrange(len(sections))
    data = bytearray(sections[number].data)
    how = draw.randrange(6)
    if how == 0 and data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    elif how == 1:
        del data[draw.randrange(len(data) + 1) :]
    elif how == 2:
        data += draw.randbytes(3)
    elif how == 3:
        del sections[number]
        return dataclasses.replace(file, sections=tuple(sections))
    elif how == 4:
        shape = tuple(draw.choice((0, 1, size - 1, size + 1, 50 * size)) for size in file.shape)
        return dataclasses.replace(file, shape=shape)
    else:
        return dataclasses.replace(file, dtype=draw.choice(TYPES))
    sections[number] = dataclasses.replace(sections[number], data=bytes(data))
    return dataclasses.replace(file, sections=tuple(sections))


@pytest.mark.parametrize("eps", [0.0, 0.05])
def test_forged_files_are_refused_or_give_what_they_declare(eps):
    x = walk(600, 4)
    x[:, 1] = np.round(x[:, 1], 1)
    x[:, 2] = 3
    x[50:60, 0], x[70, 3] = np.nan, 1e30
    codec, draw, refused = Rounding(), random.Random(1), 0
    file = codec.pack(Signal("series", x), max_error=eps, quality=40)
    assert file.find(GRIDS) is not None
    for _ in range(400):
        broken = forged(file, draw)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                y = codec.unpack(broken).samples
            assert y.shape == broken.shape and y.dtype == broken.dtype
        except TinifyError:
            refused += 1
    assert refused > 100


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "csv"])
def test_a_value_that_is_frequent_does_not_fall_between_two_points_of_a_grid(dtype):
    noise = np.random.default_rng(0).uniform(-0.45, 0.45, (20000, 1))
    x = noise + np.random.default_rng(1).integers(0, 2, (20000, 1))  # two clusters, a step apart, around 0 and 1
    moved = x + 0.5
    scale = 1000.0 if dtype == "int32" else 1.0
    kind, metadata = ("float64", {"csv": b"some"}) if dtype == "csv" else (dtype, {})
    sizes = []
    for samples in (x, moved):
        samples = np.round(samples * scale, 2).astype(kind)
        file = Rounding().pack(Signal("series", samples, metadata), max_error=0.5 * scale)
        y = Rounding().unpack(file).samples
        assert beyond(samples, y, np.full(1, 0.5 * scale)) == 0
        sizes.append(len(container.pack(file)))
    assert sizes[1] < 1.1 * sizes[0]


def test_a_fitted_codec_predicts_channels_from_one_another_and_keeps_the_bound():
    random_ = np.random.default_rng(5)
    x = random_.normal(size=(6000, 3)) * [1.0, 50.0, 0.01] + [0.0, 1e4, 5.0]
    x[1:, 1] = 1e4 + 50 * x[:-1, 0] + random_.normal(size=5999)
    codec = fit([x[:4000]], FitOptions(minutes=0.01))
    codec.name = "fitted"
    test, eps = x[4000:4500].copy(), np.array([0.05, 2.5, 0.0005])  # too short to find them anew
    own = len(assert_kept(codec, test, eps))
    codec.fitted.table[:, 2] = 0
    assert own < 0.9 * len(assert_kept(codec, test, eps))
    test[7, 1], test[90:95, 0], test[100, 2] = np.nan, 1e30, -np.inf
    assert_kept(codec, test, eps)
    assert_kept(codec, np.rint(x[4000:]).astype(np.int32), eps)
    assert_exact(codec, np.round(x[4000:4500], 2))


def test_channels_are_predicted_from_what_is_found_in_the_series():
    random_ = np.random.default_rng(5)
    x = random_.normal(size=(3000, 3))
    x[2:, 1] = 1e4 - 3 * x[:-2, 0] + 0.1 * random_.normal(size=2998)
    alone = sum(len(assert_kept(Rounding(), x[:, [c]], 0.05)) for c in range(3))
    assert len(assert_kept(Rounding(), x, 0.05)) < 0.93 * alone
    x[:40, 2], x[77, 0] = np.nan, 1e30
    assert_kept(Rounding(), x, 0.05)


def test_predictions_come_back_and_only_from_the_past():
    k = np.random.default_rng(0).normal(0, 9, size=(2000, 4)).cumsum(axis=0).astype(np.int32)
    k[1:, 2] = k[:-1, 0] - 2 * k[1:, 1]
    found = find_predictions(k)
    data = found.pack()
    again = Predictions.unpack(data, 4)
    assert np.array_equal(found.table, again.table) and np.array_equal(found.first, again.first)
    assert np.array_equal(found.centre, again.centre)
    refused = 0
    for at in range(len(data)):
        for flip in (1, 16, 128):
            broken = bytearray(data)
            broken[at] ^= flip
            try:
                table = Predictions.unpack(bytes(broken), 4).table
                assert (table[:, 0] >= 0).all() and (table[:, 1] < 4).all()
            except TinifyError:
                refused += 1
    assert refused > 10
