# SPDX-License-Identifier: Apache-2.0
"""Files and codec folders name the plugins that they need, and errors say which to install."""

import json

import numpy as np
import pytest

import tinify
from tinify import container, plugins, registry, requirements, zoo
from tinify.cli.main import run
from tinify.container.requirements import REQUIREMENTS, pack_requirements, unpack_requirements
from tinify.errors import ConfigError, DesyncError, FormatError, UnknownComponentError

ROWS = np.arange(60, dtype=np.float32).reshape(20, 3)


@pytest.fixture
def made_elsewhere(install_fakes, monkeypatch):
    """Bytes of a file of a plugin's codec, and the plugin is no longer here."""
    install_fakes("good")
    monkeypatch.setattr(tinify.api, "_codecs", {})
    data = tinify.compress(ROWS, codec="fake-numbers")
    monkeypatch.undo()
    tinify.api._codecs.clear()
    plugins.reload()
    return data


def test_a_file_names_the_distribution_that_brought_its_codec(install_fakes, monkeypatch):
    install_fakes("good")
    monkeypatch.setattr(tinify.api, "_codecs", {})
    data = tinify.compress(ROWS, codec="fake-numbers")
    assert container.requirements_of(container.unpack(data)) == ("tinify-good 1.0",)
    assert np.allclose(tinify.decompress(data), ROWS, atol=1)


def test_a_file_that_is_written_in_pieces_names_it_too(tmp_path):
    codec = tinify.build(
        {"kind": "codec", "name": "tokenizer", "patch": 4, "stages": 1, "codebook_size": 4, "width": 4}
    )
    codec.eval().name, codec.requires = "mine", ("tinify-nowhere 2.0",)
    np.save(tmp_path / "x.npy", ROWS)
    tinify.compress_file(tmp_path / "x.npy", tmp_path / "x.tnf", codec, chunk=10)
    with open(tmp_path / "x.tnf", "rb") as file:
        assert container.requirements_of(container.open_entries(file).file) == codec.requires
    with pytest.raises(UnknownComponentError, match=r"tinify-nowhere 2\.0 is needed"):
        tinify.open(tmp_path / "x.tnf")


def test_a_file_of_core_names_none():
    assert container.requirements_of(container.unpack(tinify.compress(ROWS))) == ()


def test_without_the_plugin_the_error_names_it_and_what_to_do(made_elsewhere):
    with pytest.raises(UnknownComponentError, match=r"tinify-good 1\.0 is needed .* `pip install tinify-good`, if you"):
        tinify.decompress(made_elsewhere)


def test_a_plugin_that_is_not_loaded_is_said_to_be_installed(made_elsewhere, install_fakes, monkeypatch):
    monkeypatch.setenv("TINIFY_PLUGINS", "")
    install_fakes("good")
    with pytest.raises(UnknownComponentError, match="tinify-good is needed and installed, but not loaded"):
        tinify.decompress(made_elsewhere)


def test_a_library_of_a_plugin_is_no_plugin_that_is_not_loaded():
    assert requirements.advice(["numpy 1.0"]) == ""


def test_a_plugin_of_another_version_is_named_when_its_weights_differ(install_fakes, monkeypatch):
    install_fakes("good")
    codec = registry.build("codec", "good-numbers", version=2)
    codec.name, codec.requires = "fake-numbers", ("tinify-good 0.9",)
    monkeypatch.setattr(tinify.api, "_codecs", {})
    with pytest.raises(DesyncError, match=r"tinify-good 0\.9 wrote it, here is 1\.0"):
        tinify.decompress(tinify.compress(ROWS, codec=codec))


def test_a_part_of_a_plugin_makes_a_codec_of_core_need_it(install_fakes):
    install_fakes("good")

    @registry.register("codec", "holds-a-part")
    class Holder:
        def __init__(self, part):
            self.part = part

    try:
        part = {"kind": "quantizer", "name": "good-floor"}
        codec = registry.build_config({"kind": "codec", "name": "holds-a-part", "part": part})
        assert codec.requires == ("tinify-good 1.0",)
        assert not hasattr(registry.build("codec", "holds-a-part", part=None), "requires")
    finally:
        registry.unregister("codec", "holds-a-part")


def test_a_codec_folder_names_what_it_requires_when_that_is_not_here(tmp_path):
    (tmp_path / "codec.toml").write_text(
        'requires = ["tinify-nowhere 2.0"]\n[codec]\nkind = "codec"\nname = "nowhere-codec"\n'
    )
    with pytest.raises(UnknownComponentError, match=r"tinify-nowhere 2\.0 is needed .*`pip install tinify-nowhere`"):
        zoo.load(tmp_path)


def test_a_codec_folder_whose_requirements_are_none_is_refused(tmp_path):
    (tmp_path / "codec.toml").write_text('requires = ["x; rm -rf /"]\n[codec]\nkind = "codec"\nname = "a"\n')
    with pytest.raises(ConfigError, match=r"requires: .* is not the name of a distribution"):
        zoo.read_entry(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"tinify-x", b"--index-url=http://x 1", b"a 1\n", b"a \x1b[31m", b"\xff 1", b"a 1\n" * 17 + b"a 1"]
)
def test_hostile_requirements_are_a_format_error(data):
    with pytest.raises(FormatError):
        unpack_requirements(data)


def test_requirements_come_back():
    lines = ("tinify-mine 0.1.0", "Other_2.x 1!2.0rc1+local")
    assert unpack_requirements(pack_requirements(lines)) == lines


def test_inspect_lists_the_distributions(made_elsewhere, tmp_path, capsys):
    path = tmp_path / "x.tnf"
    path.write_bytes(made_elsewhere)
    assert run(["inspect", str(path), "--json"]) == 0
    (section,) = (s for s in json.loads(capsys.readouterr().out)["sections"] if s["kind"] == REQUIREMENTS)
    assert section["distributions"] == ["tinify-good 1.0"]
    assert run(["inspect", str(path)]) == 0
    assert "needs    tinify-good 1.0" in capsys.readouterr().out
