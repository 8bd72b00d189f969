# SPDX-License-Identifier: Apache-2.0
"""Context mixing: exact on every path, the same bytes with every instruction set, typed errors for hostile bytes."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinify import _core
from tinify.entropy_models.context_mixing import BlockMixing, GridMixing
from tinify.errors import DesyncError, FormatError, InputError, TinifyError, WeightsError

ALONE = np.full(3, -1, np.int32)


def walk(rows=400, channels=3, seed=0, scale=2.0):
    return np.rint(np.random.default_rng(seed).normal(size=(rows, channels)).cumsum(axis=0) * scale).astype(np.int32)


def coefficients(blocks=40, channels=2, length=16, seed=0):
    size = 30 / (1 + np.arange(length))
    return np.rint(np.random.default_rng(seed).laplace(size=(blocks, channels, length)) * size).astype(np.int32)


def simd_names():
    names = []
    for name in ("scalar", "avx2", "avx512"):
        try:
            _core.GridModel().run("cost", np.zeros((1, 1), np.int32), np.full(1, -1, np.int32), simd=name)
            names.append(name)
        except InputError:
            pass
    return names


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.int32,
        st.tuples(st.integers(0, 40), st.integers(1, 4)),
        elements=st.one_of(st.integers(-3, 3), st.integers(-(1 << 30), 1 << 30)),
    )
)
def test_any_grid_of_integers_comes_back(k):
    model, reference = GridMixing(), np.arange(-1, k.shape[1] - 1, dtype=np.int32)
    assert np.array_equal(model.decode(model.encode(k, reference), k.shape, reference), k)


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(
        np.int32,
        st.tuples(st.integers(0, 6), st.integers(1, 3), st.integers(1, 20)),
        elements=st.one_of(st.just(0), st.integers(-2, 2), st.integers(-(1 << 30), 1 << 30)),
    )
)
def test_any_blocks_of_integers_come_back(q):
    model = BlockMixing()
    assert np.array_equal(model.decode(model.encode(q), q.shape), q)


@pytest.mark.parametrize("value", [-(1 << 30), 1 << 28, 1 << 29, (1 << 30) - 1])
def test_blocks_of_huge_numbers_only_come_back(value):
    q = np.full((3, 2, 16), value, np.int32)
    assert np.array_equal(BlockMixing().decode(BlockMixing().encode(q), q.shape), q)


def test_linear_predictions_are_exact_too():
    k = walk()
    first, table = np.array([0, 2, 4, 4]), np.array([(1, 0, 90000), (2, 0, -20000), (0, 0, 50000), (1, 1, 40000)])
    model = GridMixing()
    stream = model.encode(k, ALONE, (first, table))
    assert np.array_equal(model.decode(stream, k.shape, ALONE, (first, table)), k)


def test_means_of_low_coefficients_are_exact_too():
    q = coefficients()
    means = np.random.default_rng(0).integers(-60000, 60000, (2, 4, 8))
    assert np.array_equal(BlockMixing().decode(BlockMixing().encode(q, means), q.shape, means), q)


def test_every_instruction_set_writes_the_same_bytes():
    k, q = walk(), coefficients()
    grids = {_core.GridModel().run("encode", k, ALONE, simd=name) for name in simd_names()}
    blocks = {_core.BlockModel().run("encode", q, simd=name) for name in simd_names()}
    assert len(grids) == len(blocks) == 1


def test_the_streams_of_this_version_are_stored():
    digest = hashlib.sha256(GridMixing().encode(walk(), ALONE) + BlockMixing().encode(coefficients())).hexdigest()
    assert digest[:16] == "fbc926d440d46bcb"


def test_threads_do_not_disturb_one_another():
    model, series = GridMixing(), [walk(seed=seed) for seed in range(8)]
    alone = [model.encode(k, ALONE) for k in series]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda k: model.encode(k, ALONE), series)) == alone


def test_the_cost_is_that_of_the_stream():
    k = walk(4000)
    assert GridMixing().cost(k, ALONE) == pytest.approx(8 * len(GridMixing().encode(k, ALONE)), rel=0.002, abs=40)


def test_a_random_walk_costs_little_more_than_its_entropy():
    steps = np.random.default_rng(0).geometric(0.5, 30000) - 1
    k = np.cumsum(np.where(np.random.default_rng(1).random(30000) < 0.5, steps, -steps))[:, None].astype(np.int32)
    _, counts = np.unique(np.diff(k[:, 0]), return_counts=True)
    entropy = -(counts * np.log2(counts / counts.sum())).sum()
    assert GridMixing().cost(k, np.array([-1])) < 1.02 * entropy


def test_learning_makes_the_like_cheaper():
    taught = GridMixing()
    taught.learn([(walk(3000, seed=1), ALONE, None)])
    assert taught.cost(walk(300), ALONE) < 0.995 * GridMixing().cost(walk(300), ALONE)


def test_what_was_learned_travels_in_the_state_dict():
    taught, fresh = BlockMixing(), BlockMixing()
    taught.learn([(coefficients(seed=1), None)])
    fresh.load_state_dict(taught.state_dict())
    assert fresh.encode(coefficients()) == taught.encode(coefficients()) != BlockMixing().encode(coefficients())


def test_a_companion_helps():
    base = walk(3000, 1)
    k = np.concatenate([base, base + np.random.default_rng(3).integers(-1, 2, base.shape)], axis=1).astype(np.int32)
    alone, paired = (GridMixing().cost(k, np.array(r)) for r in ([-1, -1], [-1, 0]))
    assert paired < 0.95 * alone


def test_other_weights_are_noticed():
    k, taught = walk(), GridMixing()
    taught.learn([(walk(seed=5), ALONE, None)])
    with pytest.raises(DesyncError):
        taught.decode(GridMixing().encode(k, ALONE), k.shape, ALONE)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=60), st.integers(1, 50), st.integers(1, 3))
def test_any_bytes_are_numbers_or_a_typed_error(data, rows, channels):
    with pytest.raises(TinifyError):  # 16 bits of check: what passes by chance is none of these examples
        GridMixing().decode(data, (rows, channels), np.full(channels, -1, np.int32))
        BlockMixing().decode(data, (rows, channels, 16))


def test_a_cut_stream_is_noticed():
    k = walk()
    stream = GridMixing().encode(k, ALONE)
    with pytest.raises(DesyncError):
        GridMixing().decode(stream[: len(stream) // 2], k.shape, ALONE)


def test_a_few_bytes_cannot_ask_for_much_memory():
    with pytest.raises(FormatError, match="cannot hold"):
        GridMixing().decode(b"abc", (1 << 40, 4), np.full(4, -1, np.int32))


def test_what_is_too_large_is_named():
    with pytest.raises(InputError, match="2\\^30"):
        GridMixing().encode(np.full((2, 1), (1 << 30) + 1), np.array([-1]))


@pytest.mark.parametrize("reference", [[0, -1, -1], [3, -1, -1], [-1, -1]])
def test_companions_must_be_other_channels(reference):
    with pytest.raises(InputError):
        GridMixing().encode(walk(), np.array(reference))


@pytest.mark.parametrize("row", [(0, 0, 1), (1, 3, 1), (-1, 1, 1)])
def test_predictions_must_look_back(row):
    with pytest.raises(InputError):
        GridMixing().encode(walk(), ALONE, (np.array([0, 1, 1, 1]), np.array([row])))


@pytest.mark.parametrize("state", [b"not deflated", b"\x78\x9c\x03\x00\x00\x00\x00\x01"])
def test_a_damaged_state_is_a_typed_error(state):
    model = GridMixing()
    model.state = torch.frombuffer(bytearray(state), dtype=torch.uint8)
    with pytest.raises((WeightsError, FormatError)):
        model.cost(walk(), ALONE)
