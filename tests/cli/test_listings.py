# SPDX-License-Identifier: Apache-2.0
"""inspect, verify, models, components, plugins."""

import json

import pytest


@pytest.fixture
def packed(tinify, photo):
    assert tinify("compress", photo).code == 0
    return photo.with_suffix(".tnf")


def test_inspect_tells_what_the_file_holds(tinify, packed):
    text = tinify("inspect", packed).text
    for part in ("image 24x36x3 uint8", "fake-picture", "bits per pixel", "payload"):
        assert part in text
    found = json.loads(tinify("inspect", packed, "--json").out)
    assert (found["bytes"], found["codec"]) == (packed.stat().st_size, "fake-picture")
    assert json.loads(tinify("inspect", "-", "--json", stdin=packed.read_bytes()).out)["shape"] == [24, 36, 3]


def test_inspect_needs_no_codec(tinify, packed, monkeypatch):
    monkeypatch.setattr("tinify.zoo.load", None)
    assert tinify("inspect", packed).code == 0


def test_inspect_of_damage_and_of_nothing(tinify, packed):
    packed.write_bytes(packed.read_bytes()[:-1])
    assert tinify("inspect", packed).code == 4
    assert tinify("inspect", "gone.tnf").code == 3


def test_verify_decodes_and_says_ok(tinify, packed):
    result = tinify("verify", packed)
    assert (result.code, result.text) == (0, f"ok  {packed}  image 24x36x3 uint8, fake-picture\n")
    assert json.loads(tinify("verify", packed, "--json").out)[0]["ok"] is True


def test_verify_finds_what_check_sums_do_not(tinify, packed, monkeypatch):
    from tinify import api

    codec = api.load("fake-picture")
    monkeypatch.setattr(codec, "version", 2)
    result = tinify("verify", packed)
    assert result.code == 5
    assert codec.fingerprint().hex() in result.err


def test_verify_goes_on_after_a_bad_file(tinify, packed, here):
    (here / "bad.tnf").write_bytes(packed.read_bytes()[:30])
    result = tinify("verify", "bad.tnf", packed)
    assert result.code == 1
    assert "ok  " in result.text and "error: bad.tnf: " in result.err


def test_models_lists_names_and_defaults(tinify):
    rows = {row["name"]: row for row in json.loads(tinify("models", "--json").out)}
    assert rows["fake-picture"]["default"] == "image"
    assert rows["fake-numbers"]["weights"] == "none needed"
    assert "pictures for tests" in tinify("models").text


def test_models_shows_an_entry_that_is_wrong_and_the_others(tinify, install_fakes):
    install_fakes("copycat")
    rows = {row["name"]: row for row in json.loads(tinify("models", "--json").out)}
    assert "is claimed by" in rows["fake-picture"]["error"]
    assert rows["fake-numbers"]["summary"] == "series for tests"


def test_models_lists_published_checkpoints_on_demand(tinify, monkeypatch, tmp_path):
    monkeypatch.setenv("TINIFY_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "mbt2018-3-22901978.pth.tar").write_bytes(b"0" * 100000)
    rows = {row["name"]: row for row in json.loads(tinify("models", "--published", "--json").out)}
    assert len(rows) == 91
    assert (rows["mbt2018-mse-3"]["weights"], rows["mbt2018-mse-3"]["architecture"]) == ("0.1 MB", "mbt2018")
    assert rows["mbt2018-mse-4"]["weights"] == "published, not fetched"
    assert "mbt2018-mse-3" not in tinify("models").text


def test_components_lists_all_or_one_kind(tinify):
    assert "rans32" in tinify("components").text
    rows = json.loads(tinify("components", "coder", "--json").out)
    assert {"rans32", "rans64", "rangecoder"} <= {row["name"] for row in rows}
    assert {row["kind"] for row in rows} == {"coder"}
    result = tinify("components", "coders")
    assert result.code == 6
    assert "did you mean 'coder'" in result.err


def test_components_marks_conflicts(tinify, install_fakes):
    install_fakes("copycat")
    rows = json.loads(tinify("components", "quantizer", "--json").out)
    assert [row["conflict"] for row in rows if row["name"] == "good-floor"] == [True, True]
    assert "CONFLICT" in tinify("components", "quantizer").text


def test_plugins_lists_core_and_the_others(tinify):
    rows = json.loads(tinify("plugins", "--json").out)
    assert [(row["name"], row["status"]) for row in rows] == [("tinify", "ok"), ("good", "ok")]
    assert tinify("plugins", "--check").code == 0


@pytest.mark.parametrize("fake", ["broken", "misspelt", "copycat", "faulty"])
def test_plugins_reports_what_is_wrong_and_check_fails(tinify, install_fakes, fake):
    install_fakes(fake)
    result = tinify("plugins")
    assert result.code == 0
    assert f"tinify-{fake} 1.0): " in result.err
    assert tinify("plugins", "--check").code == 7


def test_check_imports_every_component(tinify, install_fakes):
    install_fakes("faulty")
    assert "module_that_is_not_there" not in tinify("plugins").err
    assert "module_that_is_not_there" in tinify("plugins", "--check").err
