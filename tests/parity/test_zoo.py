# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that the real package made, from a server of this test, through the functions of its zoo's names."""

import hashlib

import pytest
import torch
from fakes.file_server import FileServer

from tinify import registry, zoo
from tinify.errors import WeightsError
from tinify.zoo import published

pytestmark = pytest.mark.parity

HERE = {row.name for row in registry.components("codec")}
FIXED = [name for name in published.SIZES if name != "bmshj2018-factorized-relu"]
STEMS = {(a, m): stem for stem, (a, m, _) in {**published._FILES, **published._VARIABLE_FILES}.items()}


@pytest.fixture
def publish(theirs, tmp_path, monkeypatch):
    """`publish(architecture, form)` serves their file as quality 1; gives the server."""
    monkeypatch.setenv("TINIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("TINIFY_OFFLINE", raising=False)
    servers = []

    def publish(architecture, form="", *, flaw=0, **kwargs):
        body = (theirs["folder"] / f"{architecture}{form}.pth.tar").read_bytes()
        sha8 = hashlib.sha256(body).hexdigest()[:8]
        stem, quality = STEMS[architecture, "mse"], "-1" if architecture in FIXED else ""
        table = published._FILES if architecture in FIXED else published._VARIABLE_FILES
        monkeypatch.setitem(table, stem, (architecture, "mse", sha8))
        served = body[:-1] + bytes([body[-1] ^ flaw])
        servers.append(FileServer({f"{stem}{quality}-{sha8}.pth.tar": served}, **kwargs))
        monkeypatch.setenv("TINIFY_MIRROR", servers[-1].url)
        return servers[-1]

    yield publish
    for server in servers:
        server.close()


def case_of(cases, architecture):
    if architecture not in HERE:
        pytest.skip(f"{architecture} is not there yet")
    return next(case for case in cases if case["name"] == architecture)


def load(architecture):
    return zoo.image_models[architecture](quality=1, metric="mse", pretrained=True)


@pytest.mark.parametrize("form", ["", "-parallel", "-old"])
@pytest.mark.parametrize("architecture", FIXED)
@torch.no_grad()
def test_a_published_checkpoint_gives_their_codec(theirs, publish, architecture, form):
    case = case_of(theirs["zoo"], architecture)
    publish(architecture, form)
    codec = load(architecture).eval()
    mine = codec.state_dict()
    assert set(mine) == set(case["state"])
    for key, value in case["state"].items():
        assert mine[key].dtype == value.dtype and torch.equal(mine[key], value), key
    torch.testing.assert_close(codec(case["x"]).x_hat, case["x_hat"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("architecture", published.VARIABLE_SIZES)
def test_a_published_checkpoint_of_variable_rate_gives_their_weights(theirs, publish, architecture):
    case = case_of(theirs["variable_zoo"], architecture)
    publish(architecture)
    mine = load(architecture).state_dict()
    for key, value in case["state"].items():
        assert torch.equal(mine[key], value), key


def test_a_checkpoint_that_was_cut_off_is_continued_and_is_the_same(theirs, publish):
    server = publish("mbt2018-mean", cuts=[20000, 0])
    with pytest.raises(WeightsError, match="20000 bytes are kept"):
        load("mbt2018-mean")
    mine = load("mbt2018-mean").state_dict()
    assert server.ranges == [None, "bytes=20000-", "bytes=20000-"]
    assert all(torch.equal(mine[k], v) for k, v in case_of(theirs["zoo"], "mbt2018-mean")["state"].items())


def test_a_checkpoint_with_one_wrong_bit_is_refused(publish, tmp_path):
    publish("mbt2018-mean", flaw=1)
    with pytest.raises(WeightsError, match="nothing was kept"):
        load("mbt2018-mean")
    assert list((tmp_path / "cache").iterdir()) == []


def test_every_file_of_their_zoo_is_listed_here(theirs):
    mine = {c.file: (c.architecture, c.metric, c.quality) for c in zoo.checkpoints().values()}
    assert mine == {file: tuple(of) for file, of in theirs["zoo_files"].items()}


def test_sizes_are_those_of_their_zoo(theirs):
    mine = {name: [list(size.values()) for size in sizes] for name, sizes in published.SIZES.items()}
    mine |= {name: [list(size.values())] for name, size in published.VARIABLE_SIZES.items()}
    assert mine == theirs["zoo_sizes"]
