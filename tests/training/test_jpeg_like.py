# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.models.image.scenes import scene
from tinify.errors import InputError
from tinify.models.image.jpeg_like import JpegLike
from tinify.training.jpeg_like import JpegLikeRecipe, PictureData, PlaneFitting, train


def recipe(**data):
    options = {"folders": ["pictures"], "crop": 64, "pictures": 2, "rates": 2, **data}
    codec = {"kind": "codec", "name": "jpeg-like", "sets": 2}
    return JpegLikeRecipe(codec, PictureData(**options), PlaneFitting(30.0, 80.0, 8), 1, torch.get_num_threads())


@pytest.fixture
def data(tmp_path):
    (tmp_path / "pictures").mkdir()
    for seed in range(3):
        Image.fromarray(scene(seed=seed)).save(tmp_path / "pictures" / f"{seed}.png")
    return tmp_path


def test_what_was_fitted_makes_like_pictures_smaller_and_loads(data):
    codec, fresh = train(recipe(), data, data / "run"), JpegLike(sets=2)
    x = torch.from_numpy(scene(seed=9)).permute(2, 0, 1)[None] / 255
    taught, untaught = (sum(len(s[0]) for s in one.compress(x, 60.0).strings) for one in (codec, fresh))
    assert taught < 0.8 * untaught
    assert (codec.luma.points != 0).any()
    fresh.load_state_dict(load_file(data / "run" / "weights.safetensors"))
    assert fresh.fingerprint() == codec.fingerprint()
    lines = [json.loads(line) for line in (data / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    assert len(lines[0]["points"]) == 2 and lines[-1]["pictures"] == 4


def test_folders_without_pictures_large_enough_are_named(data):
    with pytest.raises(InputError, match="512x512"):
        train(recipe(crop=512), data, data / "run")
