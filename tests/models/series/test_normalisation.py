# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from tinify.errors import FormatError, InputError
from tinify.models.series.normalisation import Normalisation


def of(x: np.ndarray) -> Normalisation:
    return Normalisation.of(x, np.isfinite(x) if x.dtype.kind == "f" else np.ones(x.shape, bool))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int64"])
def test_channels_get_mean_zero_and_deviation_one_and_come_back(dtype):
    x = (np.random.default_rng(0).normal(size=(500, 3)) * [1, 30, 4000] + [0, 50, -9000]).astype(dtype)
    scale = of(x)
    z = scale.apply(x)
    np.testing.assert_allclose([z.mean(0), z.std(0)], [[0] * 3, [1] * 3], atol=1e-3)
    np.testing.assert_allclose(scale.undo(z), x, atol=5e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_stored_is_what_was_used(dtype):
    scale = of(np.random.default_rng(1).normal(1e6, 3, size=(100, 4)).astype(dtype))
    back = Normalisation.unpack(scale.pack(), 4)
    np.testing.assert_array_equal([back.offset, back.scale], [scale.offset, scale.scale])
    assert len(scale.pack()) == 4 * (8 if dtype == "float32" else 16)


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
    scale = of(x).in_units(np.array([2.0, 2.0]), "float64")
    assert scale.scale.tolist() == [2.0, 0.0]
    with pytest.raises(InputError):
        of(x).in_units(np.array([1.0, 0.0]), "float64")


NOT_SCALES = [b"", bytes(7), np.array([0, np.nan], "<f4").tobytes(), np.array([0, -1], "<f4").tobytes()]


@pytest.mark.parametrize("data", NOT_SCALES)
def test_bytes_that_are_no_scales_are_refused(data):
    with pytest.raises(FormatError):
        Normalisation.unpack(data, 1)
