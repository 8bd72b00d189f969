# SPDX-License-Identifier: Apache-2.0
import json
import os
import socket
import subprocess
import sys

import pytest
import torch

from tests.training.recipes import TINY, run, tiny, weights, write_pictures
from tinify.errors import MissingExtraError
from tinify.training.image.processes import processes

# A reduction over two halves rounds otherwise than one over the whole batch: 1e-7 a step, which Adam's division by a
# small second moment may enlarge.
_TOLERANCE = 1e-5


def _together(count, *arguments):
    """`tinify` in several processes, with the environment that torchrun gives them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(count)}
    command = [sys.executable, "-m", "tinify", *map(str, arguments)]
    started = [
        subprocess.Popen(command, env={**shared, "RANK": rank, "LOCAL_RANK": rank}, stderr=subprocess.PIPE, text=True)
        for rank in map(str, range(count))
    ]
    try:
        said = [process.communicate(timeout=200)[1] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * count, said


def test_two_processes_give_the_losses_and_the_weights_of_one_at_the_whole_batch(data):
    pytest.importorskip("accelerate")
    write_pictures(data, "val", 3)
    more = '[rate]\nlevels_per_step = 2\n[validation]\nfolders = ["val"]\nevery = 6\nqualities = [50]\n'
    (data / "two.toml").write_text(TINY.replace("batch_size = 2", "batch_size = 8") + more)
    options = ["--log-every", 1, "--device", "cpu"]
    _together(2, "train", data / "two.toml", "--data", data, "--run", data / "two", *options)
    validation = {"folders": ["val"], "every": 6, "qualities": [50.0]}
    recipe = tiny(data, data={"batch_size": 8}, rate={"levels_per_step": 2}, validation=validation)
    one = run(recipe, data, "one", log_every=1)
    ours, theirs = ([json.loads(line) for line in (data / n / "log.jsonl").open()] for n in ("one", "two"))
    assert [line["step"] for line in theirs] == [line["step"] for line in ours] == [1, 2, 3, 4, 5, 6, 6]
    for mine, line in zip(ours[:6], theirs, strict=False):
        for key in ("loss", "bpp_loss", "mse_loss", "aux"):
            assert line[key] == pytest.approx(mine[key], rel=_TOLERANCE, abs=2e-6), (line["step"], key)
    assert theirs[6]["validation"]["cost"] == pytest.approx(ours[6]["validation"]["cost"], rel=1e-3)
    state = torch.load(data / "two" / "checkpoint.pt", weights_only=True)
    for key, value in weights(one).items():
        part, _, name = key.partition(".")
        torch.testing.assert_close(state[part][name], value, rtol=1e-4, atol=1e-5)


def test_without_the_extra_several_processes_say_what_is_missing(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tinify-codec\[train\]"'):
        processes("cpu")


def test_one_process_needs_no_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    assert processes("cpu").count == 1
