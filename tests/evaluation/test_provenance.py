# SPDX-License-Identifier: Apache-2.0
import sys

import torch

from tinify.evaluation.provenance import command, versions


def test_versions_name_what_made_a_figure():
    found = versions()
    assert found["torch"] == torch.__version__
    assert found["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")


def test_command_is_written_as_typed_in_the_repository(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/somewhere/deep/benchmarks/image_curves.py", "--codec", "a b"])
    assert command() == "python benchmarks/image_curves.py --codec 'a b'"
