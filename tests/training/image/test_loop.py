# SPDX-License-Identifier: Apache-2.0
import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from tests.training.recipes import TINY, run, tiny, weights, write_pictures
from tinify.errors import ConfigError, InputError, OutputExistsError
from tinify.training.image.processes import Processes
from tinify.training.image.stop import Stop
from tinify.training.image.trainer import Trainer


def _lines(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def _without_times(lines):
    return [{k: v for k, v in line.items() if k not in ("seconds", "steps_per_s")} for line in lines]


@pytest.fixture
def interrupt(monkeypatch):
    """A function that makes Ctrl-C, once, come in the middle of a step."""

    def at(number):
        step = Trainer.train_step

        def interrupted(self, crops):
            if self.step == number:
                monkeypatch.undo()
                os.kill(os.getpid(), signal.SIGINT)
            return step(self, crops)

        monkeypatch.setattr(Trainer, "train_step", interrupted)

    return at


def test_a_resumed_run_ends_with_the_weights_and_the_log_of_an_uninterrupted_one(data, interrupt):
    recipe = tiny(data)
    whole = run(recipe, data, "whole", log_every=2, checkpoint_every=4)
    interrupt(2)
    parts = run(recipe, data, "parts", log_every=2, checkpoint_every=4)
    assert parts.step == 3  # the step in which it came was finished
    resumed = run(recipe, data, "parts", log_every=2, checkpoint_every=4, resume=True)
    assert resumed.step == whole.step == 6
    assert all(torch.equal(value, weights(resumed)[key]) for key, value in weights(whole).items())
    assert _without_times(_lines(data / "parts")) == _without_times(_lines(data / "whole"))


def test_after_kill_9_a_run_ends_with_the_weights_of_an_uninterrupted_one_bit_for_bit(data):
    text = TINY.replace("steps = 6", 'steps = 100000\nschedule = "constant"')
    (data / "long.toml").write_text(text)
    command = [sys.executable, "-m", "tinify", "train", data / "long.toml", "--data", data, "--run", data / "killed"]
    options = ["--checkpoint-every", "3", "--log-every", "1", "--device", "cpu"]
    process = subprocess.Popen([*map(str, command), *options], stderr=subprocess.DEVNULL)
    log, since = data / "killed" / "log.jsonl", time.monotonic()
    while not log.exists() or log.read_text().count("\n") < 8:
        assert process.poll() is None and time.monotonic() - since < 120
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = torch.load(data / "killed" / "checkpoint.pt", weights_only=True)["step"]
    assert reached >= 6 and reached % 3 == 0
    recipe = tiny(data, optimizer={"steps": reached + 2, "schedule": "constant"})
    resumed, whole = run(recipe, data, "killed", log_every=1, resume=True), run(recipe, data, "whole", log_every=1)
    assert resumed.step == whole.step
    assert all(torch.equal(value, weights(resumed)[key]) for key, value in weights(whole).items())
    assert _without_times(_lines(data / "killed")) == _without_times(_lines(data / "whole"))


def test_a_run_that_ended_before_its_first_checkpoint_begins_anew(data):
    (data / "early").mkdir()
    (data / "early" / "recipe.toml").write_text("")
    (data / "early" / "checkpoint.pt.part").write_bytes(b"half of it")
    assert run(tiny(data, optimizer={"steps": 1}), data, "early", resume=True).step == 1


def test_a_run_is_not_overwritten_unless_that_is_said(data):
    recipe = tiny(data, optimizer={"steps": 2})
    run(recipe, data, "run", log_every=1)
    with pytest.raises(OutputExistsError, match=r"holds a run; --resume goes on with it, --overwrite begins anew"):
        run(recipe, data, "run")
    run(tiny(data, optimizer={"steps": 1}), data, "run", log_every=1, overwrite=True)
    assert [line["step"] for line in _lines(data / "run")] == [1]


def test_what_cannot_be_resumed_is_named(data):
    with pytest.raises(InputError, match=r"nowhere: there is no run to resume"):
        run(tiny(data), data, "nowhere", resume=True)
    run(tiny(data, optimizer={"steps": 1}), data, "run")
    with pytest.raises(ConfigError, match=r"codec\.N: the run in .* has 4, the recipe 8"):
        run(tiny(data, codec={"N": 8}), data, "run", resume=True)


def test_a_run_can_be_made_longer(data):
    constant = {"schedule": "constant", "steps": 2}
    run(tiny(data, optimizer=constant), data, "run")
    assert run(tiny(data, optimizer={**constant, "steps": 3}), data, "run", resume=True).step == 3


def test_two_runs_of_a_recipe_agree_and_another_seed_does_not(data):
    recipe = tiny(data, optimizer={"steps": 2})
    first, again = (run(recipe, data, name) for name in ("first", "again"))
    other = run(tiny(data, optimizer={"steps": 2}, seed=4), data, "other")
    assert all(torch.equal(v, weights(again)[k]) for k, v in weights(first).items())
    assert not torch.equal(first.codec.g_a[0].weight, other.codec.g_a[0].weight)


def test_each_line_of_the_log_has_the_means_since_the_last(data, capsys):
    recipe = tiny(data, optimizer={"steps": 4})
    run(recipe, data, "run", log_every=2)
    run(recipe, data, "each", log_every=1)
    lines, each = _lines(data / "run"), _lines(data / "each")
    assert [line["step"] for line in lines] == [2, 4]
    assert all(line["bpp_loss"] > 0 and line["steps_per_s"] > 0 and line["skipped"] == 0 for line in lines)
    assert lines[1]["loss"] == pytest.approx((each[2]["loss"] + each[3]["loss"]) / 2, rel=1e-5)
    assert "step       4  loss" in capsys.readouterr().err


def test_pictures_on_the_device_and_packs_give_the_same_weights(data):
    from tinify.data.picture_store import read_pictures, write_pack

    write_pack(read_pictures([data / "pictures"]), data / "all.pictures")
    optimizer = {"steps": 2}
    plain = weights(run(tiny(data, optimizer=optimizer), data, "plain"))
    for name, changes in (("there", {"device_resident": True}), ("pack", {"folders": ["all.pictures"]})):
        other = weights(run(tiny(data, optimizer=optimizer, data=changes), data, name))
        assert all(torch.equal(value, other[key]) for key, value in plain.items()), name


def test_a_batch_that_cannot_be_shared_is_refused(data):
    with pytest.raises(ConfigError, match=r"rate\.levels_per_step: 2 rates cannot share 3 crops evenly"):
        run(tiny(data, data={"batch_size": 3}, rate={"levels_per_step": 2}), data, "run")


def test_a_picture_that_is_missing_is_named_before_any_step(data):
    with pytest.raises(InputError, match="elsewhere: no such folder"):
        run(tiny(data, data={"folders": ["elsewhere"]}), data, "run")


def test_tensorboard_gets_the_numbers_of_the_log(data):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    write_pictures(data, "val", 1)
    recipe = tiny(data, optimizer={"steps": 2}, validation={"folders": ["val"], "every": 2, "qualities": [50.0]})
    run(recipe, data, "run", log_every=1, tensorboard=True)
    events = accumulator.EventAccumulator(str(data / "run" / "tensorboard"))
    events.Reload()
    lines = _lines(data / "run")
    assert [e.step for e in events.Scalars("loss")] == [1, 2]
    assert events.Scalars("bpp_loss")[1].value == pytest.approx(lines[1]["bpp_loss"])
    if "validation" in lines[2]:
        cost = events.Scalars("validation/cost")[0].value
        assert cost == pytest.approx(lines[2]["validation"]["cost"])


def test_a_second_ctrl_c_ends_at_once_but_not_what_a_launcher_repeats(monkeypatch):
    with Stop(Processes("cpu")) as stop:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.after(1)
        monkeypatch.setattr(stop, "_since", time.monotonic() - 3)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
