# SPDX-License-Identifier: Apache-2.0
import numpy as np


def test_tinify_is_first_and_was_read_back_from_its_file(series, folder):
    assert series.trials[0].name == "tinify"
    assert series.trials[0].data == (folder / "sine.tnf").read_bytes()


def test_peer_has_no_larger_error(series):
    ours, peer, _ = series.trials
    assert 0 < series.nrmse(peer) <= series.nrmse(ours)


def test_last_trial_is_without_loss(series):
    last = series.trials[-1]
    assert np.array_equal(last.restored, series.recording.samples)
    assert (series.nrmse(last), series.max_error(last)) == (0, 0)


def test_rate_counts_every_byte_of_the_file(series):
    assert series.bits_per_sample(series.trials[0]) == 8 * len(series.trials[0].data) / 400
