# SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file

import tinify
from tests.training.recipes import run, tiny, write_pictures
from tinify.training.image.processes import Processes
from tinify.training.image.trainer import Trainer
from tinify.training.image.validation import Validator, ready


@pytest.fixture
def data(tmp_path):
    write_pictures(tmp_path)
    write_pictures(tmp_path, "val", 3)
    return tmp_path


VALIDATION = {"folders": ["val"], "every": 2, "qualities": [0.0, 100.0]}


def _validator(data, trainer, **options):
    return Validator(tiny(data, validation={**VALIDATION, **options}).validation, data, trainer.rates, Processes("cpu"))


def test_bits_are_those_of_the_files_and_errors_those_of_the_decoded_pixels(data):
    trainer = Trainer(tiny(data))
    codec = ready(trainer.average)
    found = _validator(data, trainer, pictures=2).measure(codec)
    for quality in (0.0, 100.0):
        bpp, psnr, cost = [], [], []
        for number in range(2):
            picture = np.asarray(Image.open(data / "val" / f"{number}.png"))
            file = tinify.compress(picture, codec, quality=quality)
            mse = np.mean((picture.astype(float) - tinify.decompress(file, codec)) ** 2)
            bpp.append(8 * len(file) / 96**2)
            psnr.append(10 * np.log10(255**2 / mse))
            cost.append((0.0018 if quality == 0 else 0.0932) * mse + bpp[-1])
        row = found["qualities"][f"{quality:g}"]
        assert row == pytest.approx({"bpp": np.mean(bpp), "psnr": np.mean(psnr), "cost": np.mean(cost)}, rel=1e-5)
    costs = [row["cost"] for row in found["qualities"].values()]
    assert found["cost"] == pytest.approx(np.mean(costs))


def test_measuring_leaves_the_averaged_weights_alone(data):
    trainer = Trainer(tiny(data))
    before = {key: value.clone() for key, value in trainer.average.state_dict().items()}
    _validator(data, trainer).measure(ready(trainer.average))
    after = trainer.average.state_dict()
    assert all(before[key].equal(after[key]) for key in before)


def test_the_best_weights_are_kept_while_others_follow(data, monkeypatch):
    costs = iter([3.0, 1.0, 2.0])
    monkeypatch.setattr(Validator, "measure", lambda self, codec: {"cost": next(costs), "qualities": {}})
    seen = {}
    from tinify.training.image import loop

    def remembered(average, make=ready):
        codec = make(average)
        seen[len(seen)] = {key: value.clone() for key, value in codec.state_dict().items()}
        return codec

    monkeypatch.setattr(loop, "ready", remembered)
    run(tiny(data, validation=VALIDATION), data, "run")
    best = load_file(data / "run" / "best.safetensors")
    assert all(value.equal(best[key]) for key, value in seen[1].items())
    lines = [json.loads(line) for line in (data / "run" / "log.jsonl").open()]
    assert [(line["step"], line["validation"]["best"]) for line in lines] == [(2, True), (4, True), (6, False)]


def test_a_resumed_run_remembers_what_was_best(data, monkeypatch):
    costs = iter([1.0, 2.0])
    monkeypatch.setattr(Validator, "measure", lambda self, codec: {"cost": next(costs), "qualities": {}})
    for steps, resume in ((2, False), (4, True)):
        run(tiny(data, validation=VALIDATION, optimizer={"steps": steps}), data, "run", resume=resume)
    lines = [json.loads(line) for line in (data / "run" / "log.jsonl").open()]
    assert [line["validation"]["best"] for line in lines] == [True, False]


def test_weights_that_no_file_can_be_made_with_do_not_end_a_run(data, monkeypatch):
    def fails(self, codec):
        raise tinify.errors.WeightsError("too wide")

    monkeypatch.setattr(Validator, "measure", fails)
    trainer = run(tiny(data, validation=VALIDATION, optimizer={"steps": 3}), data, "run")
    assert trainer.step == 3
    assert '{"step": 2, "validation_failed": "too wide"}' in (data / "run" / "log.jsonl").read_text()
