# SPDX-License-Identifier: Apache-2.0
"""Workers that die, callers that die, and interrupts."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tinify import container
from tinify.errors import TinifyError
from tinify.scale_out import processes

from .conftest import compress, names

MANY = {f"{n:02}.png": 8 for n in range(20)}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_loses_nothing(pictures, tmp_path, workers):
    folder, out = pictures({**MANY, "07.png": 13}), tmp_path / "out"
    summary = compress(folder, out, "deadly-picture", engine="processes", jobs=workers)
    assert (summary.done, summary.failed) == (20, [])
    assert names(out) == [f"{name}.tnf" for name in MANY]
    for name in names(out):
        container.unpack((out / name).read_bytes())
    assert len(list((tmp_path / "marks").glob("once-*"))) == 1


def test_a_file_of_which_workers_die_is_listed_and_the_others_done(pictures, tmp_path):
    folder, out = pictures({**MANY, "07.png": 14, "11.png": 14}), tmp_path / "out"
    summary = compress(folder, out, "deadly-picture", engine="processes", jobs=2)
    assert summary.done == 18
    assert sorted(row["name"] for row in summary.failed) == ["07.png", "11.png"]
    assert "a worker died 2 times while it was at this file" in summary.failed[0]["error"]
    assert names(out) == [f"{name}.tnf" for name in MANY if name not in ("07.png", "11.png")]


def test_workers_that_never_start_are_an_error_and_not_a_loop(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_START", "import os; os._exit(3)")
    with pytest.raises(TinifyError, match="ended 3 times before"):
        compress(pictures(MANY), tmp_path / "out", engine="processes")


def test_workers_have_one_thread_and_settle_their_own(monkeypatch, pictures, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    started = []
    real = subprocess.Popen

    def popen(*args, **kwargs):
        started.append(kwargs["env"]["OMP_NUM_THREADS"])
        return real(*args, **kwargs)

    monkeypatch.setattr(processes.subprocess, "Popen", popen)
    compress(pictures(MANY), tmp_path / "out", engine="processes", jobs=2)
    assert started == ["1", "1"]


def start(folder, out):
    """The command line, with one worker, in a process of its own."""
    arguments = ["compress", str(folder), str(out), "--codec", "deadly-picture", "--engine", "processes", "--jobs", "1"]
    script = f"from tinify.cli.main import main; main({arguments!r})"
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def sleeper(marks):
    """The process that sleeps at a picture."""
    for _ in range(3000):
        found = list(marks.glob("asleep-*"))
        if found:
            return int(found[0].name.partition("-")[2])
        time.sleep(0.02)
    raise AssertionError("no worker came to the picture at which it sleeps")


def wait_for_the_end_of(process):
    for _ in range(3000):
        try:
            os.kill(process, 0)
            with open(f"/proc/{process}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except (ProcessLookupError, FileNotFoundError):
            return
        time.sleep(0.02)
    raise AssertionError("the worker outlived its caller")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks for processes in /proc")
class TestEnds:
    def finish(self, tmp_path, folder, out):
        """The same command goes on, when nothing makes it sleep any more."""
        (folder / "10.png").unlink()
        before = len(names(out))
        summary = compress(folder, out, "deadly-picture")
        assert summary.failed == [] and summary.done + summary.skipped == 19
        assert summary.skipped <= before
        assert names(out) == [f"{name}.tnf" for name in MANY if name != "10.png"]

    def test_an_interrupt_leaves_whole_files_and_the_same_command_goes_on(self, pictures, tmp_path, codecs):
        folder, out = pictures({**MANY, "10.png": 16}), tmp_path / "out"
        process = start(folder, out)
        worker = sleeper(codecs)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in err
        wait_for_the_end_of(worker)
        assert not (out / ".tinify-partial").exists()
        done = [row for row in map(json.loads, (out / ".tinify-manifest.jsonl").open()) if row.get("status") == "done"]
        assert done and {row["output"] for row in done} <= set(names(out))
        self.finish(tmp_path, folder, out)

    def test_a_killed_caller_leaves_whole_files_and_no_worker(self, pictures, tmp_path, codecs, monkeypatch):
        monkeypatch.setenv("TINIFY_DEADLY_SLEEP", "3")
        folder, out = pictures({**MANY, "10.png": 16}), tmp_path / "out"
        process = start(folder, out)
        worker = sleeper(codecs)
        process.kill()
        process.wait(60)
        wait_for_the_end_of(worker)
        for name in names(out):
            container.unpack((out / name).read_bytes())
        assert not (out / "12.png.tnf").exists()
        (out / "10.png.tnf").unlink(missing_ok=True)  # by the worker, when it woke
        self.finish(tmp_path, folder, out)
