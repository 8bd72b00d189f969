# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from tinify.entropy_models.neighbourhood import TOTAL, NeighbourhoodPrior
from tinify.errors import ConfigError, WeightsError


def numbers(shape, seed=0):
    return np.random.default_rng(seed).laplace(0, 3, shape).round().astype(np.int32)


def prior_with_prediction(sites):
    prior = NeighbourhoodPrior(sites)
    prior.prediction[0, :2] = torch.tensor([900, -120], dtype=torch.int32)
    return prior


@pytest.mark.parametrize("sites", [2, 16, 64])
def test_rows_of_a_whole_array_are_those_that_a_decoder_finds_step_by_step(sites):
    prior, q = prior_with_prediction(sites), numbers((6, sites, 5))
    r, rows = prior.all_rows(q)
    padded = np.concatenate([np.zeros((2, sites, 5), np.int32), q])
    for step in range(6):
        before, earlier = padded[step + 1], padded[step]
        time, known = prior.from_time(before, earlier), np.zeros((sites, 5), np.int32)
        for group in prior.groups:
            assert np.array_equal(prior.rows_of(group, time, known), rows[step, group])
            known[group] = r[step, group]
        assert np.array_equal(known + prior.predict(before), q[step])


def test_groups_cover_every_site_once_and_each_is_of_one_class():
    for sites in (2, 3, 16, 100, 256):
        prior = NeighbourhoodPrior(sites)
        assert [site for group in prior.groups for site in range(group.start, group.stop)] == list(range(sites))
        assert all(len(set(prior.site_class[group])) == 1 for group in prior.groups)


def test_larger_neighbours_choose_a_later_row():
    prior = NeighbourhoodPrior(16)
    quiet, loud = np.zeros((2, 16, 1), np.int32), np.zeros((2, 16, 1), np.int32)
    loud[0] = 50
    assert (prior.all_rows(loud)[1][1] > prior.all_rows(quiet)[1][1]).all()


def test_magnitudes_beyond_any_bin_stay_in_the_last_row():
    prior = NeighbourhoodPrior(16)
    q = np.full((3, 16, 2), 2**29, np.int32)
    assert prior.all_rows(q)[1].max() == prior.rows - 1


def test_tables_rise_from_0_to_65536_and_are_symmetric():
    prior = NeighbourhoodPrior(16)
    prior.halves = torch.full((prior.rows,), 2, dtype=torch.int32)
    prior.frequencies = torch.tensor([30000, 9000, 4000] * prior.rows, dtype=torch.int32)
    cdfs, lengths, offsets = prior.tables()
    counts = np.diff(cdfs[0, : lengths[0]])
    assert cdfs[0, lengths[0] - 1] == TOTAL and (counts > 0).all() and offsets[0] == -2
    assert list(counts[:5]) == [4001, 9001, 30001, 9001, 4001]
    assert prior.bits()[0][0, 1] == pytest.approx(16 - np.log2(9001))


def test_frequencies_that_do_not_fit_the_rows_are_refused():
    prior = NeighbourhoodPrior(16)
    prior.halves = torch.full((prior.rows,), 2, dtype=torch.int32)
    with pytest.raises(WeightsError):
        prior.tables()


def test_weights_with_tables_of_any_size_load():
    trained = NeighbourhoodPrior(16)
    trained.halves = torch.full((trained.rows,), 1, dtype=torch.int32)
    trained.frequencies = torch.full((2 * trained.rows,), 20000, dtype=torch.int32)
    fresh = NeighbourhoodPrior(16)
    fresh.load_state_dict(trained.state_dict())
    assert np.array_equal(fresh.tables()[0], trained.tables()[0])


def test_a_prior_without_sites_is_refused():
    with pytest.raises(ConfigError):
        NeighbourhoodPrior(0)
