# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from PIL import Image

from tests.models.image.scenes import scene
from tinify.models.image.wavelet_scheduled import WaveletScheduled
from tinify.training.subbands import SubbandData, SubbandRates, SubbandRecipe, train


def recipe(**data):
    options = {
        "folders": ["pictures"],
        "exact_folders": ["pictures"],
        "crop": 64,
        "pictures": 5,
        "rates": 2,
        "exact": 2,
    }
    codec = {"kind": "codec", "name": "wavelet-scheduled", "levels": 3, "sets": 2}
    return SubbandRecipe(codec, SubbandData(**options | data), SubbandRates(20.0, 60.0), seed=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "pictures").mkdir()
    for seed in range(3):
        Image.fromarray(scene(seed=seed)).save(folder / "pictures" / f"{seed}.png")
    return folder


def test_what_was_fitted_makes_like_pictures_smaller(data):
    codec, fresh = train(recipe(), data, data / "run"), WaveletScheduled(levels=3, sets=2)
    x = torch.from_numpy(scene(seed=9)).permute(2, 0, 1)[None]
    fitted, unfitted = (len(one.compress(x / 255, 40.0).strings[0][0]) for one in (codec, fresh))
    assert fitted < 0.9 * unfitted
    fitted, unfitted = (len(one.compress_lossless(x[0].int())[0][0]) for one in (codec, fresh))
    assert fitted < 0.95 * unfitted
    assert (codec.quantizer.quantizer.points != 0).any()
    lines = [json.loads(line) for line in (data / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    assert len(lines) == 4 and sum(lines[0]["sets"]) == lines[0]["parts"]


def test_a_run_is_the_same_again(data):
    first, second = (train(recipe(exact=0), data, data / name) for name in ("a", "b"))
    assert first.fingerprint() == second.fingerprint()
