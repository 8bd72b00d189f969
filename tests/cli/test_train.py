# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from PIL import Image

from tests.training.recipes import TINY, write_pictures, write_recipe

SERIES = """
trainer = "mixing"
seed = 1
[codec]
kind = "codec"
name = "series-mixing"
[data]
folder = "timeseries"
"""


@pytest.fixture
def data(tmp_path):
    write_pictures(tmp_path)
    return tmp_path


def test_a_recipe_becomes_a_codec_that_compresses(tinify, data):
    recipe = write_recipe(data, 'trainer = "image"\n' + TINY.replace("steps = 6", "steps = 2"))
    command = ["train", recipe, "--data", data, "--run", data / "run", "--device", "cpu"]
    done = tinify(*command, "--export", data / "mine", "--summary", "a test")
    assert done.code == 0, done.err
    assert done.text.startswith(f"{data / 'mine'}: a codec folder")
    assert (data / "run" / "recipe.toml").read_text() == recipe.read_text()
    picture, file = data / "pictures" / "0.png", data / "0.tnf"
    assert tinify("compress", "--codec", data / "mine", picture, "-o", file).code == 0
    assert tinify("decompress", "--codec", data / "mine", file, "-o", data / "back.png").code == 0
    assert np.asarray(Image.open(data / "back.png")).shape == (96, 96, 3)
    again = tinify(*command)
    assert again.code == 8 and "--resume goes on with it, --overwrite begins anew" in again.err
    assert tinify(*command, "--resume").code == 0


def test_packs_can_be_trained_on(tinify, data):
    assert tinify("pack-images", data / "pictures", "-o", data / "all.pictures").text.endswith("2 pictures, 0 MB\n")
    assert tinify("pack-images", data / "pictures", "-o", data / "all.pictures").code == 8
    recipe = write_recipe(data, TINY.replace('"pictures"', '"all.pictures"').replace("steps = 6", "steps = 1"))
    assert tinify("train", recipe, "--data", data, "--run", data / "run", "--log-every", "1").code == 0
    assert json.loads((data / "run" / "log.jsonl").read_text())["step"] == 1


def test_what_is_wrong_is_said_with_the_key_and_the_exit_code_of_wrong_usage(tinify, data):
    recipe = write_recipe(data, TINY.replace("batch_size", "batchsize"))
    done = tinify("train", recipe, "--data", data, "--run", data / "run")
    assert done.code == 2 and 'data.batchsize: unknown key; did you mean "batch_size"' in done.err
    assert not (data / "run").exists()


def test_options_that_other_trainers_do_not_have_are_refused(tinify, data):
    recipe = write_recipe(data, SERIES)
    done = tinify("train", recipe, "--data", data, "--run", data / "run", "--resume")
    assert done.code == 2 and "--resume is for recipes of trainer 'image'; this one's is 'mixing'" in done.err


def test_a_pack_has_its_name_and_something_in_it(tinify, data):
    done = tinify("pack-images", data / "pictures", "-o", data / "all.bin")
    assert done.code == 2 and "the name of a pack ends in .pictures" in done.err
    (data / "empty").mkdir()
    assert tinify("pack-images", data / "empty", "-o", data / "all.pictures").code == 3
