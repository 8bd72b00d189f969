# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from tinify.errors import ConfigError, InputError
from tinify.training.recipe import read_recipe

from .recipes import TINY, write_recipe


def test_a_recipe_is_read_with_defaults_for_what_it_does_not_say(tmp_path):
    recipe = read_recipe(write_recipe(tmp_path))
    assert recipe.codec == {"kind": "codec", "name": "mbt2018-mean", "N": 4, "M": 6, "gain_levels": 2}
    assert recipe.seed == 3 and recipe.threads == 0
    assert recipe.data.folders == ["pictures"] and recipe.data.crop == 64
    assert recipe.optimizer.steps == 6 and recipe.optimizer.aux_lr == 1e-2
    assert recipe.rate.lmbda_low < recipe.rate.lmbda_high


def test_whole_numbers_stand_for_real_ones(tmp_path):
    recipe = read_recipe(write_recipe(tmp_path, TINY + "[rate]\nlmbda_low = 1\nlmbda_high = 2"))
    assert recipe.rate.lmbda_low == 1.0 and type(recipe.rate.lmbda_low) is float


def test_the_recipe_of_the_photo_codec_is_a_recipe():
    recipe = read_recipe(Path(__file__).parents[2] / "zoo" / "photo-hyperprior" / "train.toml")
    assert recipe.optimizer.steps > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TINY.replace("batch_size", "batchsize"), r'data\.batchsize: unknown key; did you mean "batch_size"'),
        (TINY.replace("seed = 3", "sed = 3"), r'^sed: unknown key; did you mean "seed"'),
        (TINY + "\nzzz = 1", r"optimizer\.zzz: unknown key; known: .*steps"),
        (TINY.replace("crop = 64", 'crop = "64"'), r"data\.crop: expected int, got '64'"),
        (TINY.replace("crop = 64", "crop = 64.0"), r"data\.crop: expected int, got 64.0"),
        (TINY.replace("crop = 64", "crop = true"), r"data\.crop: expected int, got True"),
        (TINY.replace("lr = 1e-3", 'lr = "fast"'), r"optimizer\.lr: expected float"),
        (TINY.replace('folders = ["pictures"]', 'folders = "pictures"'), r"data\.folders: expected list"),
        (TINY.replace('folders = ["pictures"]', "folders = [1]"), r"data\.folders\[0\]: expected str, got 1"),
        (TINY.replace("steps = 6\n", ""), r"optimizer\.?: .*steps"),
        (TINY.split("[optimizer]")[0], r"recipe: .*optimizer"),
        ("optimizer = 3\n" + TINY.split("[optimizer]")[0], r"optimizer\.?: expected a table, got 3"),
        ("seed = = 3", r"train\.toml: "),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_with_the_path_of_the_key(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(write_recipe(tmp_path, text))


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_recipe(tmp_path / "nowhere.toml")
