# SPDX-License-Identifier: Apache-2.0
"""Tables by what is around: bins, whole frequencies, escapes, damaged weights; and the sums, against plain Python."""

import numpy as np
import pytest
import torch

from tinify import _core
from tinify.entropy_models.neighbourhood import BINS, MOST_WEIGHT, Neighbourhood, bin_of_sums
from tinify.entropy_models.tables import SLOT
from tinify.errors import ConfigError, InputError, WeightsError


def fitted(reach=30):
    model = Neighbourhood(groups=2, taps=3, sets=2, reach=reach)
    random = np.random.default_rng(0)
    counts = np.zeros(tuple(model.frequencies.shape))
    for bin_ in range(BINS):
        sizes = np.minimum(random.geometric(1 / (1 + bin_ / 4), 5000) - 1, reach + 1)
        counts[:, bin_] = np.bincount(sizes, minlength=reach + 2)
    model.fit_tables(counts, np.ones((3, 2)))
    return model


def test_bins_are_even_at_first_and_then_four_an_octave():
    bins = bin_of_sums()
    assert list(bins[:9]) == list(range(9))
    assert bins[16] == bins[8] + 4 and bins[512] == bins[256] + 4
    assert (np.diff(bins.astype(int)) >= 0).all() and bins[-1] == BINS - 1


def test_tables_hold_what_was_counted():
    model = fitted()
    sizes = model.frequencies.numpy()
    assert (sizes.sum(-1) == 65536).all()
    shares = sizes[0, 8, :4] / 65536
    assert np.allclose(shares, [(1 - 1 / 3) ** k / 3 for k in range(4)], atol=0.03)


def test_signs_are_even_and_rare_sizes_escape():
    cdfs, lengths, offsets = fitted().tables()
    for row in range(2 * BINS):
        counts = np.diff(cdfs[row, : lengths[row]])
        signed = counts[:-1]
        assert (signed == signed[::-1]).all() and (counts >= SLOT).all()
        assert offsets[row] == -(len(signed) // 2)
    assert lengths[0] < lengths[40]


def test_bits_are_those_of_the_tables():
    model = fitted()
    cdfs, _, offsets = model.tables()
    bits = model.bits()
    for row, size in ((3, 0), (20, 1), (60, 2)):
        bin_ = size - offsets[row]
        share = (cdfs[row, bin_ + 1] - cdfs[row, bin_]) / 65536
        assert bits.reshape(-1, bits.shape[-1])[row, size] == pytest.approx(-np.log2(share), abs=1e-5)


def test_weights_are_kept_small_enough_for_their_sum():
    model = Neighbourhood(groups=1, taps=40)
    model.fit_weights(0, np.full(40, 0.3))
    assert 0 < model.weights_of(0).sum() <= MOST_WEIGHT
    model.weights[:] = 255
    with pytest.raises(WeightsError, match="257"):
        model.weights_of(0)


@pytest.mark.parametrize("spoil", ["frequencies", "changes", "odd", "gap"])
def test_damaged_tables_are_refused(spoil):
    model = fitted()
    if spoil == "odd":
        model.frequencies[0, 30, 1] += 1
        model.frequencies[0, 30, 0] -= 1
    elif spoil == "gap":
        model.frequencies[0, 30, 0] += model.frequencies[0, 30, 1]
        model.frequencies[0, 30, 1] = 0
    else:
        getattr(model, spoil)[:] = 0
    with pytest.raises(WeightsError, match="shares"):
        model.tables()


@pytest.mark.parametrize("arguments", [{"groups": 0}, {"taps": 300}, {"sets": 65}, {"reach": 0}])
def test_sizes_that_cannot_be_are_refused(arguments):
    with pytest.raises(ConfigError, match="allowed"):
        Neighbourhood(**{"groups": 1, "taps": 1, **arguments})


@pytest.mark.parametrize("across", [1, 2])
def test_native_sums_are_the_plain_ones(across):
    random = np.random.default_rng(across)
    sizes = random.integers(0, 256, 40 * 9000).astype(np.uint8)  # wider than one stretch
    offsets, weights = np.array([-9001, -1, 2, 9000], np.int64), np.array([100, 7, 50, 100], np.uint16)
    table, out = bin_of_sums(), np.empty((5, 4400), np.uint8)
    first, down = 9100, 2 * 9000
    _core.neighbourhood_bins(sizes, first, down, across, offsets, weights, table, out)
    place = first + down * np.arange(5)[:, None] + across * np.arange(4400)
    sums = (sizes[place[..., None] + offsets].astype(np.int64) * weights).sum(-1)
    assert np.array_equal(out, table[sums])


@pytest.mark.parametrize("change", [{"first": 10**6}, {"down": 10**6}, {"offsets": [-10**6]}, {"weights": [300]},
                                    {"across": 9}])  # fmt: skip
def test_native_sums_refuse_places_beyond(change):
    arguments = {"first": 200, "down": 100, "across": 2, "offsets": [-100], "weights": [3]} | change
    arguments["offsets"] = np.array(arguments["offsets"], np.int64)
    arguments["weights"] = np.array(arguments["weights"], np.uint16)
    with pytest.raises(InputError):
        _core.neighbourhood_bins(
            np.zeros(1000, np.uint8), bins=bin_of_sums(), out=np.empty((3, 3), np.uint8), **arguments
        )


def test_sizes_are_put_where_they_belong_and_clipped():
    sizes = np.zeros(30, np.uint8)
    _core.put_sizes(sizes, 1, 10, 2, np.array([[-3, 4], [300, -(2**31)]], np.int32))
    assert {int(i): int(sizes[i]) for i in np.flatnonzero(sizes)} == {1: 3, 3: 4, 11: 255, 13: 255}
    with pytest.raises(InputError):
        _core.put_sizes(sizes, 25, 10, 2, np.ones((2, 2), np.int32))


def test_sizes_are_counted_by_bin():
    counts = np.zeros((3, 4), np.int64)
    _core.count_sizes(np.array([[0, 2], [2, 0]], np.uint8), np.array([[-1, 2], [-(2**31), 1]], np.int32), counts)
    assert counts.tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]]
    with pytest.raises(InputError, match="beyond"):
        _core.count_sizes(np.array([[3]], np.uint8), np.zeros((1, 1), np.int32), counts)


def test_a_state_dict_brings_the_same_tables():
    model, other = fitted(), Neighbourhood(groups=2, taps=3, sets=2, reach=30)
    other.load_state_dict(model.state_dict())
    assert all(np.array_equal(a, b) for a, b in zip(model.tables(), other.tables(), strict=True))
    assert torch.equal(model.weights, other.weights)
