# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.errors import FormatError, InputError
from tinify.models.series.normalisation import Moments, Normalisation


def of(x: np.ndarray) -> Normalisation:
    return Normalisation.of(x, np.isfinite(x) if x.dtype.kind == "f" else np.ones(x.shape, bool))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int64"])
def test_channels_get_mean_zero_and_deviation_one_and_come_back(dtype):
    x = (np.random.default_rng(0).normal(size=(500, 3)) * [1, 30, 4000] + [0, 50, -9000]).astype(dtype)
    scale = of(x)
    z = scale.apply(x)
    np.testing.assert_allclose([z.mean(0), z.std(0)], [[0] * 3, [1] * 3], atol=0.07)
    assert np.abs(z.mean(0)).max() < 1 / 60
    np.testing.assert_allclose(scale.undo(z), x, atol=5e-3)


@pytest.mark.parametrize("rows", [100, 1 << 14])
@pytest.mark.parametrize("centre", [0.0, 1e6, -1e12, 1e300])
def test_what_is_stored_is_what_was_used(rows, centre):
    spread = np.array([3.0, 300, 1e-4, 0])
    scale = of(np.random.default_rng(1).normal(centre, spread, size=(rows, 4)))
    back = Normalisation.unpack(scale.pack(), 4)
    np.testing.assert_array_equal([back.offset, back.scale], [scale.offset, scale.scale])
    assert back.digits == scale.digits == (3 if rows == 100 else 7)


def test_a_channel_costs_one_to_three_bytes():
    x = np.random.default_rng(2).normal(20, 1, size=(500, 40)) * np.geomspace(0.01, 100, 40)
    assert len(of(x[:, :1]).pack()) <= 7
    assert len(of(x).pack()) < 2.5 * 40
    assert len(of(np.zeros((5, 100))).pack()) == len(of(np.zeros((5, 0))).pack()) == 4


def test_many_rows_have_finer_scales():
    x = np.random.default_rng(3).normal(0, 1.2345, size=(1 << 14, 1))
    assert of(x).scale[0] == pytest.approx(x.std(), rel=1 / 256)
    assert of(x[:200]).scale[0] == pytest.approx(x[:200].std(), rel=1 / 16)


def test_a_constant_channel_has_scale_zero_even_beside_gaps():
    x = np.stack([np.full(50, 7.0), np.arange(50.0), np.full(50, np.nan)], 1)
    x[3, 0] = np.nan
    assert (of(x).scale > 0).tolist() == [False, True, False]


@pytest.mark.parametrize("amplitude", [1e-310, 1e-40, 1.0, 1e150, 1e308])
def test_amplitudes_at_the_ends_of_the_range_stay_finite(amplitude):
    x = amplitude * np.sin(np.arange(200.0))[:, None]
    scale = of(x)
    z = scale.apply(x)
    assert np.isfinite(z).all() and 0.5 < z.std() < 2
    np.testing.assert_allclose(scale.undo(z), x, atol=1e-3 * amplitude)


def test_given_units_replace_the_deviations_but_not_of_constant_channels():
    x = np.stack([np.arange(50.0), np.full(50, 3.0)], 1)
    scale = of(x).in_units(np.array([2.0, 2.0]))
    assert scale.scale.tolist() == [2.0, 0.0]
    with pytest.raises(InputError):
        of(x).in_units(np.array([1.0, 0.0]))


def bits(*fields: tuple[int, int]) -> bytes:
    """Fields (value, width), low bits first."""
    text = "".join(format(value, f"0{width}b")[::-1] for value, width in fields)
    return np.packbits([int(bit) for bit in text], bitorder="little").tobytes()


NOT_SCALES = {
    "nothing": b"",
    "cut off": bytes(3),
    "more than there is": bits((1074, 12), (3, 3), (5, 5), (6, 6), (7, 6)),
    "less than there is": bits((1074, 12), (3, 3), (0, 5), (0, 6), (0, 6)) + b"\0",
    "an infinite scale": bits((4000, 12), (3, 3), (1, 5), (0, 6), (0, 6), (1, 1)),
    "an infinite offset": bits((2090, 12), (3, 3), (1, 5), (0, 6), (63, 6), ((1 << 63) - 2, 63), (1, 1)),
}


@pytest.mark.parametrize("data", NOT_SCALES.values(), ids=NOT_SCALES)
def test_bytes_that_are_no_scales_are_refused(data):
    with pytest.raises(FormatError):
        Normalisation.unpack(data, 1)


@given(st.binary(max_size=40), st.integers(0, 6))
def test_any_bytes_are_scales_or_a_format_error(data, channels):
    try:
        found = Normalisation.unpack(data, channels)
    except FormatError:
        return
    assert np.isfinite([found.offset, found.scale]).all() and found.scale.shape == (channels,)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 99), st.sampled_from([1e-200, 1.0, 1e200]))
def test_moments_of_parts_give_the_deviation_of_the_whole(lengths, seed, amplitude):
    random = np.random.default_rng(seed)
    x = amplitude * (random.normal(size=(sum(lengths), 3)) + random.normal(size=3) * 5)
    x[random.random(x.shape) < 0.3] = np.nan
    x[:, 2] = 7.0
    parts = np.split(x, np.cumsum(lengths)[:-1])
    moments = [Moments.of(part, np.isfinite(part)) for part in parts]
    whole = Moments.of(x, np.isfinite(x))
    found = Moments.deviation_of_all(moments)
    expected = np.where(whole.deviation > 0, whole.deviation, 1.0)
    np.testing.assert_allclose(found[:2], expected[:2], rtol=1e-6)
    assert found[2] > 0
