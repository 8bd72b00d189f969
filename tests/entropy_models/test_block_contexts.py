# SPDX-License-Identifier: Apache-2.0
"""Block contexts: tokens of all sizes, tables that no counts break, and bins as a plain sum gives them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tinify import _core
from tinify.coders.rans32 import Rans32
from tinify.entropy_models.block_contexts import (
    FINE,
    LARGEST,
    PLAIN,
    SIGNS,
    TOKENS,
    BlockContexts,
    sizes_of,
    tokens_of,
)
from tinify.entropy_models.neighbourhood import BINS, bin_of_sums
from tinify.errors import ConfigError, FormatError, InputError, WeightsError


def model(sets=2):
    return BlockContexts(4, 6, 5, sets)


def test_every_size_has_one_token_and_comes_back_with_its_low_bits():
    sizes = np.concatenate([np.arange(3 * LARGEST), [32767]]).astype(np.int32)
    token, low = tokens_of(sizes)
    least, again = sizes_of(token)
    assert np.array_equal(low, again) and (least <= sizes).all() and (sizes < least + (1 << low)).all()
    assert np.array_equal(token[: PLAIN + 1], np.arange(PLAIN + 1)) and token[LARGEST] == TOKENS
    assert (np.diff(token[:-1]) >= 0).all()


@pytest.mark.parametrize("token", [-1, 1 << 20])
def test_tokens_that_no_size_has_are_format_errors(token):
    with pytest.raises(FormatError, match="damaged"):
        sizes_of(np.array([token], np.int32))


@given(st.integers(0, 99), st.sampled_from([0, 1, 1000, 10**7]))
def test_tables_of_any_counts_are_the_coders(seed, most):
    random, subject = np.random.default_rng(seed), model()
    counts = random.integers(0, most + 1, subject.frequencies.shape) * (random.random(subject.frequencies.shape) < 0.2)
    subject.fit_tables(counts, random.integers(0, most + 1, (BINS, SIGNS, 2)), random.integers(0, most + 1, (3, 2)))
    cdfs, lengths, offsets = subject.tables()
    rows = np.arange(len(cdfs), dtype=np.int32)
    coder, symbols = Rans32(), np.minimum(rows % 7, 1)
    tables = coder.tables(cdfs, lengths, offsets)
    assert len(cdfs) == subject.first_change + subject.sets + 1
    assert np.array_equal(coder.decode(coder.encode(symbols, rows, tables), rows, tables), symbols)


def test_bits_are_those_of_the_tables():
    subject = model()
    random = np.random.default_rng(0)
    subject.fit_tables(random.integers(0, 50, subject.frequencies.shape), np.ones((BINS, SIGNS, 2)), np.ones((3, 2)))
    shares = subject.frequencies.numpy()[1, 5, :3] / 65536
    assert np.allclose(subject.bits()[1, 5, :3], -np.log2(shares), atol=1e-4)


def test_what_is_seen_often_costs_little():
    subject, counts = model(), np.zeros((2, BINS, TOKENS + 1))
    counts[1, 7, 3] = 1000
    subject.fit_tables(counts, np.zeros((BINS, SIGNS, 2)), np.zeros((3, 2)))
    assert subject.bits()[1, 7, 3] < 0.1 < subject.bits()[0, 7, 3]


def test_weights_come_back_as_they_were_rounded():
    subject, random = model(), np.random.default_rng(1)
    values = random.normal(size=5)
    rounded = subject.fit_values(2, values)
    subject.fit_sizes(2, np.abs(random.normal(size=6)), 0.5)
    assert np.abs(rounded - values).max() < np.abs(values).max() / 200
    sizes, expected, found = subject.weights()
    assert np.array_equal(found[2], rounded * FINE) and expected[2] == 64 and (sizes[2] > 0).any()


def test_weights_and_tables_that_cannot_be_are_weights_errors():
    subject = model()
    subject.scales[1] = 200
    with pytest.raises(WeightsError, match="weights"):
        subject.weights()
    for name, value in (("frequencies", -1), ("signs", 0), ("changes", 1 << 17)):
        broken = model()
        getattr(broken, name)[0, 0] = value
        with pytest.raises(WeightsError):
            broken.tables()


def test_impossible_arguments_are_config_errors():
    with pytest.raises(ConfigError, match="sets"):
        BlockContexts(1, 1, 1, 0)


def expected_bins(values, first, columns, near, of_sizes, beside, of_values, of_expected, step):
    bins, sizes, signs = bin_of_sums(), [], []
    for j in range(columns):
        around = sum(int(w) * abs(int(values[first + j + o])) for o, w in zip(near, of_sizes, strict=True))
        e = sum(int(w) * int(values[first + j + o]) for o, w in zip(beside, of_values, strict=True))
        far = abs(e) >> 3
        sizes.append(bins[min((around + (far * of_expected >> 7)) // step, 65535)])
        signs.append(~int(bins[min(far // step, 65535)]) if e < 0 else int(bins[min(far // step, 65535)]))
    return sizes, signs


@given(st.integers(0, 999), st.sampled_from([1, 3, 200, 65535]), st.sampled_from([3, 300, 32767]))
def test_bins_are_those_of_a_plain_sum(seed, step, most):
    random = np.random.default_rng(seed)
    values = random.integers(-most, most + 1, 60).astype(np.int16)
    near, beside = random.integers(-9, 10, 4), random.integers(-9, 10, 3)
    of_sizes, of_values = random.integers(0, 256, 4).astype(np.int32), random.integers(-9000, 9001, 3).astype(np.int32)
    size, value = np.empty((2, 11), np.uint8), np.empty((2, 11), np.int8)
    _core.block_contexts(values, 12, 20, near, of_sizes, beside, of_values, 70, step, bin_of_sums(), size, value)
    for row in range(2):
        wanted = expected_bins(values, 12 + 20 * row, 11, near, of_sizes, beside, of_values, 70, step)
        assert size[row].tolist() == wanted[0] and value[row].tolist() == wanted[1]


def test_places_and_weights_beyond_what_there_is_are_input_errors():
    values, near, weight = np.zeros(20, np.int16), np.array([0]), np.array([1], np.int32)
    out = np.empty((1, 5), np.uint8), np.empty((1, 5), np.int8)
    bins = bin_of_sums()
    good = [values, 2, 5, near, weight, near, weight, 1, 1, bins, *out]
    _core.block_contexts(*good)
    for place, wrong in ((1, 16), (1, -1), (2, 4), (3, np.array([-3])), (3, np.array([14])), (8, 0), (8, 65536),
                         (4, np.array([-1], np.int32)), (4, np.array([1 << 16], np.int32)), (7, 1 << 15),
                         (6, np.array([1 << 16], np.int32)), (9, bins[:-1]),
                         (10, np.empty((2, 5), np.uint8))):  # fmt: skip
        with pytest.raises(InputError):
            _core.block_contexts(*good[:place], wrong, *good[place + 1 :])
    with pytest.raises(InputError):
        _core.put_coefficients(values, 16, 5, 1, np.zeros((1, 5), np.int32))


def test_coefficients_are_noted_within_sixteen_bits():
    values = np.zeros(4, np.int16)
    _core.put_coefficients(values, 0, 4, 65535, np.array([[1, -1, 0, 32767]], np.int32))
    assert values.tolist() == [32767, -32767, 0, 32767]


def test_weights_load_from_a_state_dict():
    subject, other = model(), model()
    subject.fit_values(0, np.full(5, 0.25))
    other.load_state_dict({key: torch.clone(value) for key, value in subject.state_dict().items()})
    assert np.array_equal(other.weights()[2], subject.weights()[2])
