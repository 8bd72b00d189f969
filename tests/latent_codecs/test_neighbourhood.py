# SPDX-License-Identifier: Apache-2.0
import contextlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify.entropy_models.neighbourhood import NeighbourhoodPrior
from tinify.errors import FormatError, TinifyError
from tinify.latent_codecs.neighbourhood import NeighbourhoodLatentCodec


@pytest.fixture(scope="module")
def latent():
    codec = NeighbourhoodLatentCodec(NeighbourhoodPrior(16))
    prior = codec.prior
    prior.halves = torch.full((prior.rows,), 3, dtype=torch.int32)
    prior.frequencies = torch.tensor([40000, 8000, 3000, 700] * prior.rows, dtype=torch.int32)
    prior.prediction[0, 0] = 1000
    codec.shrink[:, 0] = 0.1
    return codec


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 9), st.integers(1, 40), st.floats(0.1, 2000), st.integers(0, 99))
def test_any_numbers_come_back_from_the_string(latent, steps, lanes, scale, seed):
    q = np.random.default_rng(seed).laplace(0, scale, (steps, 16, lanes)).round().astype(np.int32)
    assert np.array_equal(latent.decode(latent.encode(q), q.shape), q)


def test_estimated_and_written_bits_agree(latent):
    q = np.random.default_rng(0).laplace(0, 0.8, (60, 16, 50)).round().astype(np.int32)
    assert 8 * len(latent.encode(q)) == pytest.approx(latent.cost(q), rel=0.01, abs=512)


def test_rate_aware_rounding_saves_bits_and_never_moves_a_number_by_more_than_one(latent):
    y = np.random.default_rng(0).laplace(0, 0.8, (60, 16, 50)).astype(np.float32)
    plain, chosen = latent.quantize(y, 0.0), latent.quantize(y, 1.0)
    assert latent.cost(chosen) < latent.cost(plain)
    assert np.abs(chosen - plain).max() == 1 and (np.abs(chosen) <= np.abs(plain)).all()


def test_small_numbers_stand_for_values_moved_towards_zero(latent):
    q = np.zeros((1, 16, 4), np.int32)
    q[0, 0] = 1, -1, 2, 0
    assert np.allclose(latent.dequantize(q)[0, 0], [0.9, -0.9, 2, 0])


def test_wild_values_are_quantized_without_overflow(latent):
    y = np.array([1e30, -1e30, np.inf, 0], np.float32).reshape(1, 1, 4).repeat(16, axis=1)
    q = latent.quantize(y)
    assert np.array_equal(latent.decode(latent.encode(q), q.shape), q)


def test_damaged_strings_are_named_errors_or_numbers_of_the_right_shape(latent):
    q = np.random.default_rng(1).laplace(0, 1, (8, 16, 20)).round().astype(np.int32)
    good, random = latent.encode(q), np.random.default_rng(2)
    for _ in range(60):
        bad = bytearray(good)
        bad[random.integers(len(bad))] ^= 1 << random.integers(8)
        with contextlib.suppress(TinifyError):
            assert latent.decode(bytes(bad), q.shape).shape == q.shape
    with pytest.raises(TinifyError):
        latent.decode(good[: len(good) // 2], q.shape)


def test_another_number_of_sites_or_strings_is_a_format_error(latent):
    with pytest.raises(FormatError):
        latent.decode(b"", (1, 8, 1))
    with pytest.raises(FormatError):
        latent.decompress([[b"", b""]], (1, 16, 1))
