# SPDX-License-Identifier: Apache-2.0
import sys

import torch

from tinify.evaluation.provenance import command, machine, versions


def test_versions_name_what_made_a_figure():
    found = versions()
    assert found["torch"] == torch.__version__
    assert found["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")


def test_command_is_written_as_typed_in_the_repository(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/deep/benchmarks/bench_image.py", "--codec", "a b"])
    assert command() == "python benchmarks/bench_image.py --codec 'a b'"


def test_a_command_of_tinify_is_written_without_the_folders_of_this_machine(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/opt/env/bin/tinify", "evaluate", "jpeg", "--data", "/home/me/sets/kodak/"])
    assert command() == "tinify evaluate jpeg --data sets/kodak"


def test_the_machine_is_told_without_its_name():
    import platform

    found = machine()
    assert found["cores"] >= 1
    assert platform.node() not in str(found) or not platform.node()
