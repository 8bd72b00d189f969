# SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tests.models.image.scenes import scene
from tinify.errors import WeightsError
from tinify.models.image.wavelet_mixing import WaveletMixing
from tinify.training.restoration import PlaneData, RestorationLearning, RestorationRecipe, train

NETWORK = {"width": 8, "depth": 1}


def recipe(folder, codec=None, **learn):
    data = PlaneData(["pictures"], [40.0], 20.0, passes=1, crop=24, batch_size=4)
    codec = codec or {"levels": 3, "restoration": NETWORK}
    return RestorationRecipe({"name": "wavelet-mixing", **codec}, data, RestorationLearning(**{"steps": 25, **learn}),
                             str(folder / "weights.safetensors"), seed=1, threads=torch.get_num_threads())  # fmt: skip


@pytest.fixture
def data(tmp_path):
    (tmp_path / "pictures").mkdir()
    for seed in range(3):
        Image.fromarray(scene(seed=seed)).save(tmp_path / "pictures" / f"{seed}.png")
    save_file(WaveletMixing(levels=3).state_dict(), tmp_path / "weights.safetensors")
    return tmp_path


def error(codec, x) -> float:
    out = codec.compress(x, 30.0)
    return float((codec.decompress(out.strings, out.shape, 30.0).x_hat - x).square().mean())


def test_what_was_learned_brings_like_pictures_nearer_and_writes_the_same_bits(data):
    codec, plain = train(recipe(data, lr=2e-2), data, data / "run"), WaveletMixing(levels=3)
    x = torch.from_numpy(scene(seed=9)).permute(2, 0, 1)[None] / 255
    assert codec.compress(x, 30.0).strings == plain.compress(x, 30.0).strings
    assert error(codec, x) < 0.99 * error(plain, x)
    (line,) = map(json.loads, (data / "run" / "log.jsonl").read_text("utf-8").splitlines())
    assert line["step"] == 25 and line["gain_db"] > 0


def test_a_run_is_the_same_again_and_its_weights_load(data):
    from safetensors.torch import load_file

    first, second = (train(recipe(data, steps=3), data, data / name) for name in ("a", "b"))
    assert first.fingerprint() == second.fingerprint()
    loaded = WaveletMixing(3, NETWORK)
    loaded.load_state_dict(load_file(data / "a" / "weights.safetensors"))
    assert loaded.fingerprint() == first.fingerprint()


def test_a_codec_without_a_network_and_weights_of_another_are_refused(data):
    with pytest.raises(WeightsError, match="needs a restoration"):
        train(recipe(data, {"levels": 3}), data, data / "run")
    save_file({"other": torch.zeros(1)}, data / "weights.safetensors")
    with pytest.raises(WeightsError, match="other"):
        train(recipe(data), data, data / "run")
