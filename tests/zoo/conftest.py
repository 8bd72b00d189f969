# SPDX-License-Identifier: Apache-2.0
import pytest
from fakes.file_server import FileServer


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The folder of fetched weights; nothing of this machine's own is seen."""
    monkeypatch.setenv("TINIFY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("TINIFY_OFFLINE", "TINIFY_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def file_server():
    servers = []

    def start(files=None, **kwargs):
        servers.append(FileServer(files, **kwargs))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
