# SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from safetensors.torch import load_file

import tinify
from tests.training.recipes import TINY, run, tiny, write_pictures
from tinify.config import parse_toml
from tinify.training.export import _toml, export, export_run
from tinify.training.image import checkpoint
from tinify.training.image.recipe import ImageRecipe
from tinify.training.image.trainer import Trainer
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
    recipe = read_recipe(folder / "train.toml", ImageRecipe)
    checkpoint.save(tmp_path, recipe, Trainer(recipe).state_dict())
    return folder


@pytest.mark.parametrize("half", [False, True])
def test_an_exported_folder_loads_as_the_codec_that_was_exported(zoo_folder, half):
    codec = export(zoo_folder.parent / "checkpoint.pt", zoo_folder, half, summary="a test")
    loaded = tinify.load(zoo_folder)
    assert loaded.fingerprint() == codec.fingerprint()
    assert loaded.name == "my-codec"


def test_a_table_within_the_codec_s_table_is_written_as_toml_reads_it():
    table = {"quantizer": {"kind": "quantizer", "name": "fsq", "levels": [8, 5]}, "on": True, "parts": [{"a": 1.5}]}
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in table.items())
    assert parse_toml(text, "codec.toml") == table


def test_an_exported_codec_is_portable_and_half_the_size_is_what_half_means(zoo_folder):
    sizes = []
    for half in (False, True):
        export(zoo_folder.parent / "checkpoint.pt", zoo_folder, half)
        assert tinify.load(zoo_folder).is_portable
        sizes.append(sum(t.nbytes for key, t in load_file(zoo_folder / "weights.safetensors").items() if "_a." in key))
    assert sizes[1] < 0.6 * sizes[0]


def test_half_weights_keep_the_integer_tables(zoo_folder):
    full = export(zoo_folder.parent / "checkpoint.pt", zoo_folder).state_dict()
    half = export(zoo_folder.parent / "checkpoint.pt", zoo_folder, half=True).state_dict()
    for key, value in full.items():
        if not value.is_floating_point() and not key.endswith(("known_answer", "grid")):
            assert torch.equal(half[key], value), key
    assert (zoo_folder / "weights.safetensors").stat().st_mode & 0o044 == 0o044


def test_a_run_is_exported_with_its_recipe_and_its_best_weights(tmp_path):
    for name in ("pictures", "val"):
        write_pictures(tmp_path, name)
    recipe = tiny(tmp_path, optimizer={"steps": 2}, validation={"folders": ["val"], "every": 1})
    trainer = run(recipe, tmp_path, "run")
    (tmp_path / "run" / "recipe.toml").write_text(TINY)
    export_run(tmp_path / "run", tmp_path / "new" / "mine", summary='"quoted"')
    loaded, best = tinify.load(tmp_path / "new" / "mine").state_dict(), load_file(tmp_path / "run" / "best.safetensors")
    assert (tmp_path / "new" / "mine" / "train.toml").read_text() == TINY
    transforms = [key for key in best if key.startswith(("g_a.", "g_s."))]
    assert transforms and all(torch.equal(loaded[key], best[key]) for key in transforms)
    (tmp_path / "run" / "best.safetensors").unlink()
    export_run(tmp_path / "run", tmp_path / "new" / "last")
    last = tinify.load(tmp_path / "new" / "last").g_a[0].weight
    assert torch.equal(last, trainer.average.g_a[0].weight)


@pytest.mark.parametrize("value", [1, 0.5, True, 'a"b\\', [1, [True]], {"kind": "transform", "sizes": [1.5, 2]}])
def test_values_of_a_codecs_table_come_back_from_toml(value):
    assert parse_toml(f"x = {_toml(value)}", "")["x"] == value
