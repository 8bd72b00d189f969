# SPDX-License-Identifier: Apache-2.0
"""A recipe that trains a tiny codec in a second, and the pictures it takes."""

from dataclasses import replace

import numpy as np
from PIL import Image

from tinify.training.image.loop import RunOptions, train
from tinify.training.image.recipe import ImageRecipe
from tinify.training.recipe import read_recipe

TINY = """
seed = 3
threads = 1
[codec]
kind = "codec"
name = "mbt2018-mean"
N = 4
M = 6
gain_levels = 2
[data]
folders = ["pictures"]
crop = 64
batch_size = 2
[optimizer]
steps = 6
warmup_steps = 2
lr = 3e-3
"""


def write_recipe(folder, text=TINY):
    path = folder / "train.toml"
    path.write_text(text)
    return path


def write_pictures(folder, name="pictures", count=2):
    (folder / name).mkdir()
    rows, columns = np.mgrid[:96, :96]
    for number in range(count):
        waves = np.stack([np.sin(rows / (5 + c) + columns / (9 - c + number)) for c in range(3)], -1)
        Image.fromarray((128 + 100 * waves).astype(np.uint8)).save(folder / name / f"{number}.png")


def tiny(folder, **changes):
    """The recipe, with whole tables of it replaced in part: tiny(folder, optimizer={"steps": 3}, seed=4)."""
    recipe = read_recipe(write_recipe(folder), ImageRecipe)
    for key, value in changes.items():
        old = getattr(recipe, key)
        if isinstance(old, dict):
            value = {**old, **value}
        elif isinstance(value, dict):
            value = replace(old, **value)
        recipe = replace(recipe, **{key: value})
    return recipe


def run(recipe, data, name, **options):
    """A run in the folder `name` beside the data, on a CPU."""
    return train(recipe, data, RunOptions(data / name, device="cpu", **options))


def weights(trainer):
    return {f"{part}.{k}": v for part in ("codec", "average") for k, v in getattr(trainer, part).state_dict().items()}
