# SPDX-License-Identifier: Apache-2.0
"""A folder of `.tnf` files as a torch Dataset, alone and under a DataLoader with workers."""

import pickle

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import tinify
from tinify import api
from tinify.errors import ConfigError, FormatError, InputError
from tinify.interop.dataset import TnfDataset


@pytest.fixture
def pictures(tmp_path):
    made = [np.full((24, 32, 3), 10 * i, np.uint8) + np.arange(32, dtype=np.uint8)[:, None] for i in range(5)]
    (tmp_path / "below").mkdir()
    for i, x in enumerate(made):
        place = tmp_path / ("below" if i > 2 else "") / f"{i}.tnf"
        place.write_bytes(tinify.compress(x, "photo-fast", lossless=True))
    return tmp_path, made


@pytest.fixture
def series(tmp_path):
    made = [np.random.default_rng(i).integers(0, 9, (rows, 2)).astype("f4") for i, rows in enumerate((25, 8, 40))]
    for i, x in enumerate(made):
        (tmp_path / f"{i}.tnf").write_bytes(tinify.compress(x, lossless=True, chunk=10))
    return tmp_path, made


def test_pictures_are_tensors_by_name_and_in_folders_below(pictures):
    folder, made = pictures
    data = TnfDataset(folder)
    assert len(data) == 5 and data[0].shape == (3, 24, 32) and data[0].dtype == torch.uint8
    assert all(np.array_equal(data[i].permute(1, 2, 0), made[i]) for i in range(3))
    assert np.array_equal(data[-1].permute(1, 2, 0), made[4])
    with pytest.raises(IndexError):
        data[5]


def test_workers_of_a_loader_read_the_same(pictures):
    data = TnfDataset(pictures[0], transform=lambda x: x.float() / 255)
    batches = torch.cat(list(DataLoader(data, batch_size=2, num_workers=2)))
    assert torch.equal(batches, torch.stack([data[i] for i in range(5)]))


def test_windows_of_rows_are_those_of_the_series(series):
    folder, made = series
    data = TnfDataset(folder, rows=10, stride=5)
    expected = [x[a : a + 10] for x in made for a in range(0, len(x) - 9, 5)]
    assert len(data) == len(expected)
    assert all(np.array_equal(data[i], expected[i]) for i in range(len(data)))


def test_nothing_is_decoded_before_it_is_asked_for(series, monkeypatch):
    monkeypatch.setattr(api, "load", lambda *_: pytest.fail("a codec was loaded"))
    assert len(TnfDataset(series[0])) == 3 and len(TnfDataset(series[0], rows=10)) == 6


def test_an_open_file_does_not_travel(series):
    data = TnfDataset(series[0], rows=10)
    first = data[0]
    assert torch.equal(pickle.loads(pickle.dumps(data))[0], first)


def test_damaged_files_are_named(pictures):
    folder, _ = pictures
    (folder / "0.tnf").write_bytes(b"\x89TNF")
    with pytest.raises(FormatError, match=r"0\.tnf"):
        TnfDataset(folder)[0]
    with pytest.raises(InputError, match="gone"):
        TnfDataset([folder / "gone.tnf"])[0]
    with pytest.raises(InputError, match="windows are of series"):
        TnfDataset([folder / "1.tnf"], rows=4)


def test_what_makes_no_sense_is_refused(tmp_path):
    for source in (tmp_path, tmp_path / "gone"):
        with pytest.raises(InputError):
            TnfDataset(source)
    with pytest.raises(ConfigError):
        TnfDataset([], rows=0)
    assert len(TnfDataset([])) == 0
