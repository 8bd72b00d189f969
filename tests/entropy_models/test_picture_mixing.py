# SPDX-License-Identifier: Apache-2.0
"""Context mixing of wavelet subbands: exact for any size and any numbers, the same bytes with every instruction set."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.entropy_models.test_context_mixing import simd_names
from tinify import _core
from tinify.entropy_models.context_mixing import PictureMixing
from tinify.errors import DesyncError, InputError, TinifyError
from tinify.transforms.lifting import LiftingAnalysis

FRESH = PictureMixing()


def subbands_of_shapes(height=48, width=64, seed=0, step=4.0):
    """Quantized 9/7 subbands of three components that share their edges."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    picture = 60 * (np.hypot(x - width / 3, y - height / 2) < 15) + 40 * (x + 2 * y > 90) + x / 4
    components = [picture + random.normal(size=picture.shape), 0.5 * picture, -0.3 * picture]
    q = LiftingAnalysis("9/7", 4)(torch.from_numpy(np.stack(components)).float()) / step
    return q.round().numpy().astype(np.int32)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.int32,
        st.tuples(st.integers(1, 4), st.integers(1, 19), st.integers(1, 19)),
        elements=st.one_of(st.just(0), st.integers(-2, 2), st.integers(-(1 << 30), 1 << 30)),
    ),
    st.integers(0, 6),
)
def test_any_numbers_of_any_size_and_levels_come_back(q, levels):
    assert np.array_equal(FRESH.decode(FRESH.encode(q, levels), q.shape, levels), q)


def test_a_picture_comes_back_and_every_instruction_set_writes_the_same_bytes():
    q = subbands_of_shapes()
    streams = {_core.PictureModel().run("encode", q, 4, simd=name) for name in simd_names()}
    assert len(streams) == 1
    assert np.array_equal(FRESH.decode(streams.pop(), q.shape, 4), q)


def test_the_streams_of_this_version_are_stored():
    digest = hashlib.sha256(FRESH.encode(subbands_of_shapes(seed=1), 4)).hexdigest()
    assert digest[:16] == "c8ebff5e786c9d9c"


def test_edges_that_components_share_are_paid_for_once():
    q = subbands_of_shapes(96, 128, step=2.0)
    alone = sum(FRESH.cost(q[i : i + 1], 4) for i in range(3))
    assert FRESH.cost(q, 4) < 0.96 * alone


def test_emptiness_costs_next_to_nothing():
    assert len(FRESH.encode(np.zeros((3, 512, 512), np.int32))) < 32


def test_learning_makes_the_like_cheaper_and_travels_in_the_state_dict():
    taught, fresh = PictureMixing(), PictureMixing()
    taught.learn([subbands_of_shapes(seed=seed) for seed in range(1, 5)], 4, cap=30)
    q = subbands_of_shapes()
    assert taught.cost(q, 4) < 0.9 * FRESH.cost(q, 4)
    fresh.load_state_dict(taught.state_dict())
    assert fresh.encode(q, 4) == taught.encode(q, 4)


def test_the_cost_is_that_of_the_stream():
    q = subbands_of_shapes(96, 128, step=1.0)
    assert FRESH.cost(q, 4) == pytest.approx(8 * len(FRESH.encode(q, 4)), rel=0.002, abs=40)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 40), st.integers(1, 40), st.integers(0, 5))
def test_any_bytes_are_numbers_or_a_typed_error(data, height, width, levels):
    with pytest.raises(TinifyError):
        FRESH.decode(data, (3, height, width), levels)


def test_damage_other_weights_and_other_levels_are_noticed():
    q = subbands_of_shapes()
    stream, taught = FRESH.encode(q, 4), PictureMixing()
    taught.learn([q], 4)
    damaged = bytes([*stream[:20], stream[20] ^ 4, *stream[21:]])
    for model, data, levels in ((taught, stream, 4), (FRESH, damaged, 4), (FRESH, stream, 3), (FRESH, stream[:-30], 4)):
        with pytest.raises(DesyncError):
            model.decode(data, q.shape, levels)


def test_numbers_and_levels_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="2\\^30"):
        FRESH.encode(np.full((1, 2, 2), (1 << 30) + 1, np.int32))
    with pytest.raises(InputError, match="levels"):
        FRESH.encode(np.zeros((1, 2, 2), np.int32), 32)
