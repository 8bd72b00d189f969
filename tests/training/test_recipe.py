# SPDX-License-Identifier: Apache-2.0
import re
from dataclasses import fields
from pathlib import Path

import pytest

from tinify.config import parse_toml
from tinify.errors import ConfigError, InputError
from tinify.training.image.recipe import ImageRecipe
from tinify.training.recipe import parse_recipe, read_recipe
from tinify.training.trainers import read_any, train_function

from .recipes import TINY, write_recipe


def test_a_recipe_is_read_with_defaults_for_what_it_does_not_say(tmp_path):
    recipe = read_recipe(write_recipe(tmp_path), ImageRecipe)
    assert recipe.codec == {"kind": "codec", "name": "mbt2018-mean", "N": 4, "M": 6, "gain_levels": 2}
    assert recipe.seed == 3 and recipe.threads == 1
    assert recipe.data.folders == ["pictures"] and recipe.data.crop == 64
    assert recipe.optimizer.steps == 6 and recipe.optimizer.aux_lr == 1e-2
    assert recipe.rate.lmbda_low < recipe.rate.lmbda_high


def test_whole_numbers_stand_for_real_ones(tmp_path):
    recipe = read_recipe(write_recipe(tmp_path, TINY + "[rate]\nlmbda_low = 1\nlmbda_high = 2"), ImageRecipe)
    assert recipe.rate.lmbda_low == 1.0 and type(recipe.rate.lmbda_low) is float


ZOO = Path(__file__).parents[2] / "zoo"
RECIPES = [path for path in sorted(ZOO.glob("*/*.toml")) if path.name != "codec.toml"]


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(ZOO.glob("*/*.toml")) if path.name != "codec.toml"],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_recipes_of_the_zoo_are_recipes_of_the_trainer_that_they_name(path):
    trainer, recipe = read_any(path)
    assert recipe.codec["kind"] == "codec"
    assert trainer == "image" or callable(train_function(trainer))


def test_the_page_on_training_shows_every_key_with_its_default(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (ZOO.parent / "docs" / "training.md").read_text("utf-8"), re.DOTALL)
    shown = parse_toml(blocks[0], "page")
    trainer, recipe = read_any(write_recipe(tmp_path, blocks[0]))
    least = {"codec": recipe.codec, "data": {"folders": ["train"]}, "optimizer": {"steps": 100000}}
    assert (trainer, recipe) == ("image", parse_recipe(least, ImageRecipe))
    assert {*shown} - {"trainer"} == {f.name for f in fields(ImageRecipe)}
    for name in ("data", "rate", "optimizer", "validation"):
        assert {*shown[name]} == {f.name for f in fields(getattr(recipe, name))}, name


def test_a_trainer_that_is_not_known_is_refused_with_the_near_one(tmp_path):
    with pytest.raises(ConfigError, match=r"trainer: 'mixin' is not known; did you mean \"mixing\""):
        read_any(write_recipe(tmp_path, 'trainer = "mixin"' + TINY))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TINY.replace("batch_size", "batchsize"), r'data\.batchsize: unknown key; did you mean "batch_size"'),
        (TINY.replace("seed = 3", "sed = 3"), r'^sed: unknown key; did you mean "seed"'),
        (TINY + "\nzzz = 1", r"optimizer\.zzz: unknown key; known: .*steps"),
        (TINY.replace("crop = 64", 'crop = "64"'), r"data\.crop: expected int, got '64'"),
        (TINY.replace("crop = 64", "crop = 64.0"), r"data\.crop: expected int, got 64.0"),
        (TINY.replace("crop = 64", "crop = true"), r"data\.crop: expected int, got True"),
        (TINY.replace("lr = 3e-3", 'lr = "fast"'), r"optimizer\.lr: expected float"),
        (TINY.replace('folders = ["pictures"]', 'folders = "pictures"'), r"data\.folders: expected list"),
        (TINY.replace('folders = ["pictures"]', "folders = [1]"), r"data\.folders\[0\]: expected str, got 1"),
        (TINY.replace("steps = 6\n", ""), r"optimizer\.?: .*steps"),
        (TINY.split("[optimizer]")[0], r"recipe: .*optimizer"),
        ("optimizer = 3\n" + TINY.split("[optimizer]")[0], r"optimizer\.?: expected a table, got 3"),
        ("seed = = 3", r"train\.toml: "),
        ('precision = "bf61"' + TINY, r"precision: 'bf61' is not allowed; did you mean \"bf16\""),
        ("compile = 1" + TINY, r"compile: expected bool, got 1"),
        (TINY + 'schedule = "cosin"', r"optimizer\.schedule: 'cosin' is not allowed; did you mean \"cosine\""),
        (TINY + "schedule = 3", r"optimizer\.schedule: 3 is not allowed; allowed: 'cosine', 'constant', 'steps'"),
        (TINY + "drops = [1.5]", r"optimizer\.drops\[0\]: expected int, got 1.5"),
        (TINY + "[validation]\nevry = 3", r'validation\.evry: unknown key; did you mean "every"'),
        (TINY + "[validation]\nqualities = [101]", r"validation\.qualities: \[101.0\]; allowed: 0 to 100"),
        (TINY + "[rate]\nlambda_low = 3", r'rate\.lambda_low: unknown key; did you mean "lmbda_low"'),
        (TINY + "[rate]\nlmbda_low = 0", r"rate\.lmbda_low: 0.0 is not positive"),
        (TINY + "[rate]\nlambdas = [0.1]", r"rate\.lambdas: \[0.1\] are not two or more positive numbers"),
        (TINY.replace("crop = 64", "smallest_scale = 2"), r"data\.smallest_scale: 2.0 is not in \(0, 1\]"),
        (
            TINY.replace("crop = 64", "device_residnt = true"),
            r'data\.device_residnt: .* did you mean "device_resident"',
        ),
        (TINY.replace('folders = ["pictures"]', ""), r"data\.folders: this key is missing, or empty"),
    ],
)
def test_what_is_wrong_with_a_recipe_is_said_with_the_path_of_the_key(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        read_recipe(write_recipe(tmp_path, text), ImageRecipe)


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        read_recipe(tmp_path / "nowhere.toml", ImageRecipe)
