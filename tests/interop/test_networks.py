# SPDX-License-Identifier: Apache-2.0
"""Networks exported: every kind of layer, other sizes than those they were traced with, and tinify's own numbers."""

import json

import numpy as np
import pytest
import torch

from tinify import registry
from tinify.cli.main import run
from tinify.errors import ConfigError, MissingExtraError, OutputExistsError
from tinify.interop import networks
from tinify.models.image.base import ImageCodec

CODECS = {
    "bmshj2018-factorized": {"N": 4, "M": 6},
    "mbt2018-mean": {"N": 4, "M": 6, "gain_levels": 3},
    "cheng2020-anchor": {"N": 4},
    "lapped-hyperprior": {"N": 4, "counts": [4, 2, 2], "groups": [3, 5], "width": 4, "synthesis_blocks": 1},
}


def built(name):
    torch.manual_seed(0)
    codec = registry.build_config({"kind": "codec", "name": name, **CODECS[name]}).eval()
    codec.name = name
    for parameter in codec.parameters():  # nothing is zero or one by chance
        parameter.data += 0.01 * torch.randn(parameter.shape)
    return codec


def loaded(folder, network):
    return torch.export.load(folder / f"{network}.pt2").module()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """(folder, codec, what it says of itself) of a codec with a hyperprior, GDN and gains, by torch.export."""
    codec, folder = built("mbt2018-mean"), tmp_path_factory.mktemp("exported")
    return folder, codec, networks.export(codec, folder, ("torch",))


def test_torch_export_gives_what_the_codec_gives_at_other_sizes(exported):
    folder, codec, described = exported
    assert list(described["networks"]) == ["g_a", "g_s", "h_a", "h_s"]
    x = torch.rand(1, 3, 192, 128)
    with torch.no_grad():
        y = codec.g_a(x)
        assert torch.allclose(loaded(folder, "g_a")(x), y, atol=1e-5)
        assert torch.allclose(loaded(folder, "g_s")(y), codec.g_s(y), atol=1e-5)


@pytest.mark.parametrize("name", ["cheng2020-anchor", "lapped-hyperprior"])
def test_residual_blocks_and_levels_trace_with_any_size_and_keep_their_numbers(name):
    codec = built(name)
    for network in networks.networks_of(codec)[:2]:
        program = networks._program(network).module()
        example = network.example((2, 4), batch=3)
        with torch.no_grad():
            given = getattr(codec, network.name)(*example)
            assert torch.allclose(program(*example), given, atol=1e-5)


def test_onnx_gives_what_the_codec_gives_in_onnxruntime_at_another_size_and_level(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: tinify-codec[onnx]")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed: tinify-codec[onnx]")
    network = next(n for n in networks.networks_of(built("lapped-hyperprior")) if n.name == "g_s")
    networks._write_onnx(networks._program(network), network, tmp_path / "g_s.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "g_s.onnx"), providers=["CPUExecutionProvider"])
    x, level = torch.randn(1, 8, 5, 1), torch.tensor([6.3])
    with torch.no_grad():
        expected = network.module(x, level)
    found = session.run(None, {"x": x.numpy(), "level": level.numpy()})[0]
    assert np.abs(found - expected.numpy()).max() <= 1e-4 * expected.abs().max()
    assert [entry.name for entry in session.get_inputs()] == ["x", "level"]


def test_the_metadata_say_how_to_use_them(exported):
    folder, codec, described = exported
    metadata = json.loads((folder / networks.METADATA).read_text())
    assert metadata == described
    assert metadata["fingerprint"] == codec.fingerprint().hex() and metadata["picture"]["multiple"] == 64
    assert metadata["networks"]["g_a"]["output"] == {"dtype": "float32", "channels": 6, "scale": 1 / 16}
    assert metadata["networks"]["g_s"]["output"]["scale"] == 16
    assert metadata["networks"]["g_a"]["files"]["torch"]["largest_difference"] <= networks.TOLERANCE
    assert metadata["networks"]["g_a"]["files"]["torch"]["least_side"] == 128
    assert metadata["level"]["to"] == 2 and np.array(metadata["gain"]["log_gain"]).shape == (3, 6)


def test_networks_and_metadata_are_enough_to_do_what_the_codec_does(exported):
    folder, codec, metadata = exported
    x, level = torch.rand(1, 3, 128, 128), 1.0
    gain, inverse = (torch.tensor(metadata["gain"][key][1]).exp()[:, None, None] for key in ("log_gain", "log_inverse"))
    medians = torch.tensor(metadata["medians"]["medians"])[:, None, None]
    with torch.no_grad():
        y = loaded(folder, "g_a")(x) * gain
        z_hat = torch.round(loaded(folder, "h_a")(y) - medians) + medians
        _, means = loaded(folder, "h_s")(z_hat).chunk(2, 1)
        x_hat = loaded(folder, "g_s")((torch.round(y - means) + means) * inverse)
        assert torch.allclose(x_hat, codec(x, level).x_hat, atol=1e-4)


def test_what_is_there_is_not_overwritten(tmp_path):
    (tmp_path / networks.METADATA).write_text("mine")
    with pytest.raises(OutputExistsError):
        networks.export(built("bmshj2018-factorized"), tmp_path, ("torch",))
    assert [path.name for path in tmp_path.iterdir()] == [networks.METADATA]


def test_an_export_that_gives_other_numbers_is_an_error(tmp_path):
    network = networks.networks_of(built("bmshj2018-factorized"))[1]
    networks._write_torch(networks._program(network), network, tmp_path / "g_s.pt2")
    network.module[0].bias.data += 1
    with pytest.raises(ConfigError, match="off"):
        networks._checked(network, "torch", tmp_path / "g_s.pt2")


def test_codecs_without_networks_and_unknown_kinds_are_config_errors(tmp_path):
    with pytest.raises(ConfigError, match="photo-hyperprior"):
        networks.networks_of(registry.build_config({"kind": "codec", "name": "series-mixing"}))
    with pytest.raises(ConfigError, match="allowed: onnx, torch"):
        networks.export(built("bmshj2018-factorized"), tmp_path, ("tflite",))


def test_without_onnx_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxscript", None)
    pytest.importorskip("onnx", reason="onnx is not installed: tinify-codec[onnx]")
    with pytest.raises(MissingExtraError, match=r"tinify-codec\[onnx\]"):
        networks.export(built("bmshj2018-factorized"), tmp_path, ("onnx",))


def test_every_learned_image_codec_has_networks_to_export():
    from tests.test_contracts import EXAMPLES

    for component in registry.components("codec"):
        arguments = EXAMPLES.get(("codec", component.name))
        codec = (
            None if arguments is None else registry.build_config({"kind": "codec", "name": component.name, **arguments})
        )
        if isinstance(codec, ImageCodec):
            names = [network.name for network in networks.networks_of(codec.eval())]
            assert names[:2] == ["g_a", "g_s"] and names[2:] in ([], ["h_a", "h_s"])


def test_the_command_writes_and_says_what(tmp_path, monkeypatch, capsys):
    from tinify import api

    monkeypatch.setattr(api, "load", lambda name: built(name))
    assert run(["export", "bmshj2018-factorized", "--torch-export", str(tmp_path / "out")]) == 0
    assert "g_a.pt2  g_a, largest difference" in capsys.readouterr().out
    assert (tmp_path / "out" / "metadata.json").is_file()
    assert run(["export", "bmshj2018-factorized"]) == 2
