# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import torch

from tinify.data.series import SeriesWindows, read_series_sets
from tinify.errors import InputError


@pytest.fixture
def folder(tmp_path):
    t = np.arange(1000, dtype=np.float32)
    np.savez(tmp_path / "ramp.npz", x=np.stack([t, 5 * t], 1), segments=np.array([0, 300]))
    np.savez(tmp_path / "flat.npz", x=np.full((200, 1), 7, np.float32))
    split = {"train": [0, 700], "val": [700, 800], "test": [[800, 900], [900, 1000]]}
    flat = {"train": [0, 200], "val": [0, 10], "test": [0, 10]}
    index = {"note": "text is passed over", "ramp": {"file": "ramp.npz", "split": split},
             "flat": {"file": "flat.npz", "split": flat}}  # fmt: skip
    (tmp_path / "index.json").write_text(json.dumps(index))
    return tmp_path


def test_pieces_do_not_cross_the_start_of_a_recording_or_a_range(folder):
    ramp, _ = read_series_sets(folder, "train")
    assert [piece[:, 0].tolist()[:: len(piece) - 1] for piece in ramp.pieces] == [[0, 299], [300, 699]]
    (ramp,) = read_series_sets(folder, "test", ["ramp"])
    assert [len(piece) for piece in ramp.pieces] == [100, 100]


def test_every_split_is_in_units_of_the_train_split(folder):
    (train,) = read_series_sets(folder, "train", ["ramp"])
    (test,) = read_series_sets(folder, "test", ["ramp"])
    joined = np.concatenate(train.normalised())
    np.testing.assert_allclose([joined.mean(0), joined.std(0)], [[0, 0], [1, 1]], atol=1e-5)
    np.testing.assert_array_equal(test.mean, train.mean)


def test_a_flat_channel_has_no_infinities(folder):
    (flat,) = read_series_sets(folder, "train", ["flat"])
    assert np.isfinite(flat.normalised()[0]).all()


def test_windows_repeat_for_a_seed_and_come_from_one_channel(folder):
    sets = read_series_sets(folder, "train", ["ramp"])
    first, second = (SeriesWindows(sets, 64, seed=3).batch(8) for _ in range(2))
    assert first.shape == (8, 64) and first.dtype == torch.float32
    assert torch.equal(first, second)
    steps = first.diff(dim=1)
    assert torch.allclose(steps, steps[:, :1].expand_as(steps), atol=1e-4)


def test_a_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(InputError, match=r"index\.json"):
        read_series_sets(tmp_path, "train")
