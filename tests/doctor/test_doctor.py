# SPDX-License-Identifier: Apache-2.0
"""`tinify doctor`: what works is said to work, and each thing that is broken on purpose is found, with a next step."""

import json
import subprocess
import sys
from base64 import b64decode

import numpy as np
import pytest
from click.testing import CliRunner

from tinify import _core, api, zoo
from tinify.cli.doctor import doctor
from tinify.doctor import CHECKUPS, Finding, codecs, coders, environment, extras, native, plugin_health, run


def problems(findings):
    return [finding for finding in findings if finding.problem]


@pytest.fixture
def only(monkeypatch):
    """`only(module)` leaves one checkup, so that the command is quick."""
    return lambda *topics: monkeypatch.setattr(
        run, "CHECKUPS", {topic: module for topic, module in CHECKUPS.items() if topic in topics}
    )


def test_this_environment_has_what_core_needs():
    found = list(environment.check())
    assert not problems(found)
    assert {"tinify", "python", "torch", "numpy", "torch build", "threads"} <= {finding.what for finding in found}


def test_a_dependency_that_is_too_old_or_missing_is_a_problem_with_its_pip_line(monkeypatch):
    lines = ["numpy>=99.1", "no-such-package-here>=1", "torch>=2; extra == 'x'"]
    monkeypatch.setattr(environment, "requires", lambda name: lines)
    old, missing = environment._dependencies()
    assert old.problem and old.next_step == 'pip install "numpy>=99.1"'
    assert missing.problem and "not installed" in missing.found


def test_versions_compare_by_their_numbers():
    assert environment._numbers("2.13.0+cpu") == (2, 13, 0) > environment._numbers("2.6")
    assert environment._numbers("1.0.dev10") == (1, 0) and environment._numbers("no") == ()


def test_kernels_are_named_and_the_choice_is_left_as_it_was():
    before = _core.simd()
    found = {finding.what: finding.found for finding in native.check()}
    assert before in found["entropy coding"] and "scalar" in found["kernels"]
    assert _core.simd() == before


def test_kernels_that_were_asked_for_and_are_not_used_are_a_problem(monkeypatch):
    monkeypatch.setenv("TINIFY_SIMD", "avx4096")
    assert [finding.what for finding in problems(native.check())] == ["entropy coding", "transforms"]


def test_slower_kernels_by_choice_are_no_problem(monkeypatch):
    monkeypatch.setenv("TINIFY_SIMD", "scalar")
    chosen = native._chosen("transforms", "scalar", ["avx2", "scalar"])
    assert not chosen.problem and "slower" in chosen.found


def test_coders_pass_and_every_one_of_core_has_known_bytes():
    found = list(coders.check())
    assert not problems(found)
    assert {f"coder {name}" for name in coders.KNOWN} <= {finding.what for finding in found}


def test_a_coder_with_other_bytes_is_a_problem(monkeypatch):
    monkeypatch.setitem(coders.KNOWN, "rans32", "0" * 16)
    (found,) = problems(coders.check())
    assert found.what == "coder rans32" and found.next_step


def test_a_broken_plugin_is_a_problem_that_names_what_to_uninstall(install_fakes):
    install_fakes("broken")
    found = problems(plugin_health.check())
    assert found and all("pip uninstall" in finding.next_step for finding in found)


@pytest.mark.parametrize("name", [entry.name for entry in zoo.list_entries() if entry.plugin == "tinify"])
def test_known_files_decode_and_are_of_the_weights_of_today(name):
    answer = json.loads((codecs.files("tinify.doctor") / codecs.ANSWERS).read_text("utf-8")).get(name)
    again = "run `python -m tinify.doctor.codecs`"
    assert answer, f"{name} has no known file; {again}"
    assert api.load(name).fingerprint().hex() == answer["weights"], f"{name} was trained anew; {again}"
    assert not codecs._checked(name, answer).problem
    samples = api.decompress(b64decode(answer["file"])).copy()
    samples.flat[3] += 5
    assert codecs.difference(samples, answer)


def test_weights_that_were_changed_on_disk_are_a_problem(monkeypatch, tmp_path):
    from tinify import plugins
    from tinify.hookspecs import ModelCard

    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"x")
    text = '[codec]\nkind = "codec"\nname = "tokenizer"\n[weights]\nsha256 = "' + "0" * 64 + '"\n'
    (folder / "codec.toml").write_text(text)
    card = ModelCard("mine", str(folder), "")
    monkeypatch.setattr(plugins.Host, "models", property(lambda self: {"mine": [card]}))
    found = codecs._checked("mine", None)
    assert found.problem and "sha256" in found.found and "pip install" in found.next_step


def test_a_cache_that_cannot_be_written_is_a_problem(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TINIFY_CACHE", str(tmp_path / "file" / "cache"))
    assert codecs._cache().problem
    monkeypatch.setenv("TINIFY_CACHE", str(tmp_path / "new"))
    assert not codecs._cache().problem


def test_extras_come_from_the_metadata_with_their_pip_lines(monkeypatch):
    lines = ["torch>=2", "numpy>=1; extra == 'here'", 'no-such-package-here; extra == "gone"']
    monkeypatch.setattr(extras, "requires", lambda name: lines)
    gone, here = extras.check()
    assert gone.next_step == 'pip install "tinify-codec[gone]"' and not gone.problem
    assert here.what == "here" and not here.next_step


def test_the_command_ends_with_0_and_json_holds_every_finding(only):
    only("environment", "coders")
    done = CliRunner().invoke(doctor, ["--json"], standalone_mode=False)
    found = json.loads(done.output)
    assert done.return_value == 0 and found["ok"]
    assert {row["topic"] for row in found["findings"]} == {"environment", "coders"}
    assert set(found["findings"][0]) == {"topic", "what", "found", "problem", "next_step"}


def test_the_command_ends_with_1_and_the_next_step(only, monkeypatch):
    only("coders")
    monkeypatch.setitem(coders.KNOWN, "rans64", "0" * 16)
    done = CliRunner().invoke(doctor, [], standalone_mode=False)
    assert done.return_value == 1
    assert "1 problem:" in done.output and "next: install it anew" in done.output


def test_a_checkup_that_fails_is_a_finding_and_the_others_go_on(only, monkeypatch):
    only("coders", "optional packages")
    monkeypatch.setattr(coders, "check", lambda: 1 / 0)
    found = list(run.examine())
    assert "ZeroDivisionError" in found[0][1].found and found[0][1].problem
    assert any(topic == "optional packages" for topic, _ in found)


def test_without_torch_there_is_one_problem_and_not_one_for_each_part(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    found = list(run.examine())
    (problem,) = [finding for _, finding in found if finding.problem]
    assert problem.what == "torch build" and problem.next_step
    assert [topic for topic, finding in found if finding.what == "not looked at"] == sorted(
        run.NEED_CORE, key=list(CHECKUPS).index
    )


def test_many_problems_of_one_plugin_are_cut_short(monkeypatch):
    row = {"problems": [f"problem {number}" for number in range(9)], "components": 9}
    monkeypatch.setattr("tinify.cli.plugins.row_of", lambda plugin, check: row)
    found = problems(plugin_health.check())
    assert len(found) == 4 and found[-1].found.startswith("6 problems more")


def test_every_problem_has_a_next_step_and_plugins_text_cannot_move_the_cursor(monkeypatch):
    rude = ("plugins", Finding("x", "\x1b[2J gone", True, "mend it"))
    monkeypatch.setattr("tinify.doctor.examine", lambda *_: [rude])
    assert "\x1b[2J" not in CliRunner().invoke(doctor, []).output


def test_numbers_of_a_float_series_may_differ_in_their_last_places():
    import zlib
    from base64 import b64encode

    known = np.linspace(0, 1, 9, dtype=np.float32)
    answer = {"dtype": "float32", "samples": b64encode(zlib.compress(known.tobytes())).decode()}
    assert codecs.difference(known + np.float32(1e-6), answer) == ""
    assert codecs.difference(known + np.float32(0.01), answer) and codecs.difference(known[1:], answer)


def test_the_command_is_imported_without_torch():
    code = "import sys, tinify.cli.doctor; sys.exit(any(n in sys.modules for n in ('torch', 'numpy', 'tinify.doctor')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
