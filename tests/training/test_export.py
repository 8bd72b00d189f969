# SPDX-License-Identifier: Apache-2.0
import pytest
import torch

import tinify
from tinify.training.export import export
from tinify.training.image import Trainer
from tinify.training.recipe import read_recipe

RECIPE = """
[codec]
kind = "codec"
name = "mbt2018-mean"
N = 8
M = 12
gain_levels = 2
[data]
folders = ["pictures"]
[optimizer]
steps = 1
"""


@pytest.fixture
def zoo_folder(tmp_path):
    folder = tmp_path / "my-codec"
    folder.mkdir()
    (folder / "train.toml").write_text(RECIPE)
    trainer = Trainer(read_recipe(folder / "train.toml"))
    trainer.save(tmp_path)
    return folder


@pytest.mark.parametrize("half", [False, True])
def test_an_exported_folder_loads_as_the_codec_that_was_exported(zoo_folder, half):
    codec = export(zoo_folder.parent / "checkpoint.pt", zoo_folder, half, summary="a test")
    loaded = tinify.load(zoo_folder)
    assert loaded.fingerprint() == codec.fingerprint()
    assert loaded.name == "my-codec"


def test_half_weights_keep_the_integer_tables(zoo_folder):
    full = export(zoo_folder.parent / "checkpoint.pt", zoo_folder).state_dict()
    half = export(zoo_folder.parent / "checkpoint.pt", zoo_folder, half=True).state_dict()
    for key, value in full.items():
        if not value.is_floating_point():
            assert torch.equal(half[key], value), key
    assert (zoo_folder / "weights.safetensors").stat().st_mode & 0o044 == 0o044
