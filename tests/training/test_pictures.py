# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from PIL import Image

from tests.models.image.scenes import scene
from tinify.errors import InputError
from tinify.models.image.wavelet_mixing import WaveletMixing
from tinify.training.pictures import PictureData, PictureLearning, PictureRecipe, train


def recipe(**data):
    options = {"folders": ["pictures"], "crop": 64, "pictures": 6, "rates": 2, **data}
    return PictureRecipe({"kind": "codec", "name": "wavelet-mixing", "levels": 3}, PictureData(**options),
                         PictureLearning(20.0, 60.0), seed=1, threads=torch.get_num_threads())  # fmt: skip


@pytest.fixture
def data(tmp_path):
    (tmp_path / "pictures").mkdir()
    for seed in range(3):
        Image.fromarray(scene(seed=seed)).save(tmp_path / "pictures" / f"{seed}.png")
    return tmp_path


def test_what_was_learned_makes_like_pictures_smaller(data):
    codec, fresh = train(recipe(), data, data / "run"), WaveletMixing(levels=3)
    x = torch.from_numpy(scene(seed=9)).permute(2, 0, 1)[None] / 255
    taught, untaught = (len(one.compress(x, 40.0).strings[0][0]) for one in (codec, fresh))
    assert taught < 0.97 * untaught
    assert (codec.quantizer.quantizer.points != 0).any()
    lines = [json.loads(line) for line in (data / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    assert len(lines[0]["points"]) == 3 and lines[1]["state_kb"] > 0


def test_a_run_is_the_same_again_and_its_weights_load(data):
    from safetensors.torch import load_file

    first, second = (train(recipe(), data, data / name) for name in ("a", "b"))
    assert first.fingerprint() == second.fingerprint()
    loaded = WaveletMixing(levels=3)
    loaded.load_state_dict(load_file(data / "a" / "weights.safetensors"))
    assert loaded.fingerprint() == first.fingerprint()


def test_folders_without_pictures_large_enough_are_named(data):
    with pytest.raises(InputError, match="512x512"):
        train(recipe(crop=512), data, data / "run")
