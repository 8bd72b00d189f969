# SPDX-License-Identifier: Apache-2.0
"""Smooth planes: any integers come back, prediction saves bits, damage is a typed error."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify import registry
from tinify.entropy_models.edge import EdgeModel
from tinify.errors import ConfigError, TinifyError, WeightsError

CODER = registry.build("coder", "rans32")


def encoded(model, q, first_class=0):
    encoder = CODER.encoder()
    model.encode(q, encoder, CODER.tables(*model.tables()), first_class)
    return encoder.finish()


def decoded(model, string, shape):
    decoder = CODER.decoder(string)
    q = model.decode(shape, decoder, CODER.tables(*model.tables()))
    decoder.finish()
    return q


@given(
    st.tuples(st.integers(1, 4), st.integers(1, 9), st.integers(1, 9)), st.integers(0, 20), st.integers(0, 2**32 - 1)
)
def test_any_plane_comes_back(shape, octave, seed):
    q = np.random.default_rng(seed).integers(-(1 << octave), (1 << octave) + 1, shape).astype(np.int32)
    model = EdgeModel()
    assert np.array_equal(decoded(model, encoded(model, q), shape), q)


def test_an_empty_plane_is_nothing():
    model = EdgeModel()
    assert decoded(model, encoded(model, np.zeros((3, 0, 5), np.int32)), (3, 0, 5)).shape == (3, 0, 5)


def test_a_slope_costs_less_than_noise():
    slope = np.add.outer(np.arange(40), 2 * np.arange(50)).astype(np.int32)[None]
    noise = np.random.default_rng(0).permutation(slope.ravel()).reshape(slope.shape)
    model = EdgeModel()
    assert len(encoded(model, slope)) < len(encoded(model, noise)) / 2


def test_fitting_saves_bits():
    random = np.random.default_rng(0)
    q = np.round(random.laplace(0, 3, (1, 60, 60)).cumsum(1).cumsum(2) / 10).astype(np.int32)
    model = EdgeModel()
    before = len(encoded(model, q))
    model.fit(model.count(q))
    assert len(encoded(model, q)) < before


def test_damage_is_a_typed_error():
    model, q = EdgeModel(), np.arange(300, dtype=np.int32).reshape(3, 10, 10)
    string = encoded(model, q)
    for at in range(len(string)):
        damaged = bytearray(string)
        damaged[at] ^= 1 << (at % 8)
        with pytest.raises(TinifyError):
            decoded(model, bytes(damaged), q.shape)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="17"):
        EdgeModel(17)
    model = EdgeModel()
    model.frequencies[:] = 0
    with pytest.raises(WeightsError, match="shares"):
        model.tables()
