# SPDX-License-Identifier: Apache-2.0
"""Weights are checked on every load; what is fetched comes from a server of this test."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tinify import builtin, registry, zoo
from tinify.errors import ConfigError, PluginConflictError, UnknownComponentError, WeightsError

CODEC = {"N": 2, "M": 3}


@pytest.fixture
def codec():
    torch.manual_seed(3)
    return registry.build("codec", "bmshj2018-factorized", **CODEC)


@pytest.fixture
def weights(codec, tmp_path):
    """The bytes of the codec's weights."""
    codec.update()
    save_file(codec.state_dict(), tmp_path / "made.safetensors")
    return (tmp_path / "made.safetensors").read_bytes()


def make_folder(tmp_path, weights=b"", *, local=True, **table):
    """A zoo folder; `table` replaces what its [weights] says."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    if local:
        (folder / "weights.safetensors").write_bytes(weights)
    table = {"sha256": hashlib.sha256(weights).hexdigest(), **table}
    lines = ['summary = "a tiny one"', "[codec]", 'kind = "codec"', 'name = "bmshj2018-factorized"']
    lines += [f"{key} = {value}" for key, value in CODEC.items()]
    lines += ["[weights]", *(f'{key} = "{value}"' for key, value in table.items())]
    (folder / "codec.toml").write_text("\n".join(lines))
    return folder


class Server(ThreadingHTTPServer):
    def __init__(self, body, declared=None):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.server.requests += 1
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(declared or len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = 0
        self.url = f"http://127.0.0.1:{self.server_port}/weights.safetensors"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def serve():
    servers = []

    def start(body, declared=None):
        servers.append(Server(body, declared))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def files_in(folder):
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_a_folder_loads_with_its_weights_ready_to_use(tmp_path, codec, weights):
    loaded = zoo.load(make_folder(tmp_path, weights))
    assert loaded.name == "tiny"
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert loaded.fingerprint() == codec.fingerprint()


def test_weights_of_another_hash_are_refused(tmp_path, weights):
    folder = make_folder(tmp_path, weights)
    with open(folder / "weights.safetensors", "ab") as file:
        file.write(b"\0")
    with pytest.raises(WeightsError, match=r"has sha256 .* says"):
        zoo.load(folder)


def test_weights_that_do_not_fit_are_refused(tmp_path, weights):
    other = registry.build("codec", "bmshj2018-factorized", N=5, M=3)
    save_file(other.state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="does not fit"):
        zoo.load(make_folder(tmp_path, (tmp_path / "other.safetensors").read_bytes()))


@pytest.mark.parametrize("bad", [b"", b"\x80\x04pickle", b"\xff" * 64])
def test_what_is_not_safetensors_is_refused(tmp_path, bad):
    with pytest.raises(WeightsError, match="does not fit"):
        zoo.load(make_folder(tmp_path, bad))


def test_missing_weights_without_a_url_are_named(tmp_path, weights):
    with pytest.raises(WeightsError, match=r"weights\.safetensors is missing"):
        zoo.load(make_folder(tmp_path, weights, local=False))


def test_weights_are_fetched_once_and_kept(tmp_path, weights, serve, cache, codec):
    server = serve(weights)
    folder = make_folder(tmp_path, weights, local=False, url=server.url)
    for _ in range(2):
        assert zoo.load(folder).fingerprint() == codec.fingerprint()
    assert server.requests == 1
    assert [path.read_bytes() for path in files_in(cache)] == [weights]


def test_fetched_weights_of_another_hash_are_not_kept(tmp_path, weights, serve, cache):
    folder = make_folder(tmp_path, weights, local=False, url=serve(weights[:-1] + bytes([weights[-1] ^ 1])).url)
    with pytest.raises(WeightsError, match=r"cannot fetch .*nothing was kept"):
        zoo.load(folder)
    assert files_in(cache) == []


def test_a_transfer_that_is_cut_off_is_no_file_of_weights(tmp_path, weights, serve, cache):
    folder = make_folder(tmp_path, weights, local=False, url=serve(weights[:100], declared=len(weights)).url)
    with pytest.raises(WeightsError, match=r"cannot fetch .*cut off after 100 of"):
        zoo.load(folder)
    assert [path.suffix for path in files_in(cache)] == [".part"]


def test_a_server_without_the_file_is_a_weights_error(tmp_path, weights, serve):
    with pytest.raises(WeightsError, match="404"):
        zoo.load(make_folder(tmp_path, weights, local=False, url=serve(None).url))


def test_cached_weights_that_were_damaged_are_refused(tmp_path, weights, serve, cache):
    folder = make_folder(tmp_path, weights, local=False, url=serve(weights).url)
    zoo.load(folder)
    files_in(cache)[0].write_bytes(weights[:50])
    with pytest.raises(WeightsError, match="delete the file and get it again"):
        zoo.load(folder)


def test_offline_nothing_is_fetched_but_the_cache_serves(tmp_path, weights, serve, monkeypatch):
    server = serve(weights)
    folder = make_folder(tmp_path, weights, local=False, url=server.url)
    monkeypatch.setenv("TINIFY_OFFLINE", "1")
    with pytest.raises(WeightsError, match="TINIFY_OFFLINE is set"):
        zoo.load(folder)
    assert server.requests == 0
    monkeypatch.setenv("TINIFY_OFFLINE", "0")
    zoo.load(folder)
    monkeypatch.setenv("TINIFY_OFFLINE", "1")
    assert zoo.load(folder).name == "tiny"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"sha256": "abc"}, r"weights\.sha256: 'abc' is not 64"),
        ({"file": "../weights.safetensors"}, r"weights\.file: .* is not the name of a file"),
        ({"url": "file:///etc/passwd"}, r"weights\.url: .* does not begin with https"),
        ({"ulr": "https://x"}, r"weights\.ulr: unknown key; did you mean 'url'\?"),
    ],
)
def test_mistakes_in_codec_toml_name_the_key(tmp_path, table, message):
    with pytest.raises(ConfigError, match=message):
        zoo.load(make_folder(tmp_path, b"", **table))


def sharing(tmp_path, of):
    """A folder whose codec is as photo-fast, with the weights of another one."""
    lines = ["[codec]", 'kind = "codec"', 'name = "wavelet-scheduled"', "sets = 12", "[weights]", f"of = {of}"]
    (tmp_path / "codec.toml").write_text("\n".join(lines))
    return tmp_path


def test_weights_of_another_codec_are_shared(tmp_path):
    assert zoo.load(sharing(tmp_path, '"photo-fast"')).fingerprint() == zoo.load("photo-fast").fingerprint()


@pytest.mark.parametrize("of", ['"gone"', "7", '"../photo-best"', '"photo-best"\nfile = "x"'])
def test_weights_of_no_codec_of_the_zoo_are_refused(tmp_path, of):
    with pytest.raises(ConfigError, match=r"weights\."):
        zoo.load(sharing(tmp_path, of))


def test_a_folder_without_codec_toml_is_an_error_of_ours(tmp_path):
    from tinify.errors import InputError

    with pytest.raises(InputError, match=r"codec\.toml"):
        zoo.load(tmp_path)


def test_names_of_plugins_are_listed_and_load(install_fakes):
    install_fakes("good")
    assert {"fake-picture", "fake-numbers"} <= set(zoo.names())
    entry = next(entry for entry in zoo.list_entries() if entry.name == "fake-picture")
    assert (entry.summary, entry.plugin, entry.weights) == ("pictures for tests", "good", None)
    assert zoo.load("fake-picture").name == "fake-picture"


def test_an_unknown_name_comes_with_near_ones(install_fakes):
    install_fakes("good")
    with pytest.raises(UnknownComponentError, match=r"did you mean 'fake-picture'.*tinify models"):
        zoo.load("fake-pictur")


def test_the_name_of_an_architecture_points_to_build():
    with pytest.raises(UnknownComponentError, match="is an architecture"):
        zoo.load("bmshj2018-factorized")


def test_a_name_that_two_plugins_claim_is_a_conflict(install_fakes):
    install_fakes("good", "copycat")
    with pytest.raises(PluginConflictError, match=r"'fake-picture' is claimed by copycat .* good"):
        zoo.load("fake-picture")
    assert zoo.load("fake-numbers")


@pytest.mark.parametrize("card", list(builtin.tinify_models()), ids=lambda card: card.name)
def test_every_codec_of_the_zoo_loads_and_restores_what_it_packs(card):
    from tinify import container
    from tinify.signal import Signal

    codec = zoo.load(card.name)
    x = np.arange(48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    samples = {"image": x, "series": x.reshape(-1, 3).astype(np.float32)}[codec.modality]
    restored = codec.unpack(container.unpack(container.pack(codec.pack(Signal(codec.modality, samples)))))
    assert restored.samples.shape == samples.shape
