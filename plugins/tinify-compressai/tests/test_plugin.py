# SPDX-License-Identifier: Apache-2.0
"""The plugin as tinify sees it: what it lists, what it imports, its command."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import tinify
from tinify import plugins, registry
from tinify.cli.main import run
from tinify.errors import ConfigError, InputError, UnknownComponentError, WeightsError
from tinify.zoo import published

LISTING = """
import sys
from tinify import plugins, registry
names = [row.name for row in registry.components() if row.plugin == "compressai"]
assert len(names) > 25, names
(plugin,) = [p for p in plugins.host().plugins if p.name == "compressai"]
assert plugin.status == "ok", plugin.problems
print([name for name in ("torch", "compressai", "torchvision") if name in sys.modules])
"""


def test_listing_the_components_imports_neither_compressai_nor_torch():
    done = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_every_model_latent_codec_and_coder_of_compressai_is_a_component():
    import compressai.latent_codecs as latent_codecs
    import compressai.models.video  # noqa: F401
    from compressai.registry import MODELS

    names = {kind: {row.name for row in registry.components(kind)} for kind in ("codec", "latent-codec", "coder")}
    assert {f"compressai-{name}" for name in MODELS} <= names["codec"]
    mine = [name for name in names["latent-codec"] if name.startswith("compressai-")]
    assert len(mine) == len(latent_codecs.__all__) - 1  # all but the base class
    assert "compressai-ans" in names["coder"]


def test_every_row_can_be_imported():
    for row in registry.components():
        if row.plugin == "compressai":
            registry.resolve(row)


def test_a_checkpoint_becomes_a_folder_that_the_command_uses(codec_named, picture, tmp_path, capsys):
    torch.save({"state_dict": codec_named("mbt2018-mean").state_dict()}, tmp_path / "mean.pth.tar")
    Image.fromarray(picture).save(tmp_path / "photo.png")
    names = ("mean.pth.tar", "mine", "photo.png", "photo.tnf")
    checkpoint, folder, photo, file = (str(tmp_path / name) for name in names)
    assert run(["compressai", "folder", checkpoint, folder, "--model", "mbt2018-mean"]) == 0
    assert "readers need" in capsys.readouterr().out
    assert run(["compress", "--codec", folder, photo]) == 0
    assert "works in floating point" in capsys.readouterr().err
    assert run(["inspect", file]) == 0
    shown = capsys.readouterr().out
    assert "tinify-compressai 0.1.0" in shown and "portable no" in shown
    assert run(["decompress", "--codec", folder, "-f", file]) == 0
    expected = tinify.decompress(file, codec=codec_named("mbt2018-mean"))
    assert np.array_equal(np.asarray(Image.open(photo)), expected)


def test_a_published_checkpoint_becomes_a_folder(codec_named, tmp_path, monkeypatch, capsys):
    torch.save(codec_named("mbt2018-mean").state_dict(), tmp_path / "weights")
    sha8 = hashlib.sha256((tmp_path / "weights").read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(published._FILES, "mbt2018-mean", ("mbt2018-mean", "mse", sha8))
    monkeypatch.setenv("TINIFY_CACHE", str(tmp_path))
    (tmp_path / "weights").rename(tmp_path / f"mbt2018-mean-1-{sha8}.pth.tar")
    assert run(["compressai", "folder", "mbt2018-mean-mse-1", str(tmp_path / "mine")]) == 0
    assert codec_named("mbt2018-mean").fingerprint().hex() in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no-such-file.pth", "mine"], InputError.exit_code),
        (["plain.pth", "mine"], ConfigError.exit_code),
        (["plain.pth", "mine", "--model", "mbt2018-mean"], WeightsError.exit_code),
        (["plain.pth", "mine", "--model", "no-such-model"], UnknownComponentError.exit_code),
    ],
)
def test_what_is_no_checkpoint_is_an_error(tmp_path, monkeypatch, arguments, code):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.zeros(2)}, "plain.pth")
    assert run(["compressai", "folder", *arguments]) == code
    assert not (tmp_path / "mine").exists()


def test_without_the_plugin_the_error_names_it(codec_named, picture, monkeypatch):
    data = tinify.compress(picture, codec=codec_named("mbt2018-mean"))
    monkeypatch.setenv("TINIFY_PLUGINS", "")
    plugins.reload()
    try:
        with pytest.raises(UnknownComponentError, match="tinify-compressai is needed and installed, but not loaded"):
            tinify.decompress(data)
    finally:
        monkeypatch.undo()
        plugins.reload()


def test_a_checkpoint_becomes_a_folder_of_tinify_s_own_codec(codec_named, tmp_path):
    from tinify_compressai.folder import write

    torch.save(codec_named("mbt2018-mean").state_dict(), tmp_path / "mean.pth")
    codec = write(tmp_path / "mean.pth", tmp_path / "own", "mbt2018-mean", own=True)
    assert codec.requires == ()
    assert tinify.load(tmp_path / "own").fingerprint() == codec_named("mbt2018-mean").fingerprint()


def test_the_plugin_is_where_its_problems_would_be_told():
    (plugin,) = [each for each in plugins.host().plugins if each.name == "compressai"]
    assert plugin.distribution == "tinify-compressai" and plugin.problems == []
