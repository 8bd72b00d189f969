# SPDX-License-Identifier: Apache-2.0
"""A local Ray cluster of two workers, of which one is killed."""

import os

import pytest

from tinify import container
from tinify.errors import MissingExtraError

from .conftest import compress, names

MANY = {f"{n:02}.png": 8 for n in range(12)}


@pytest.fixture
def cluster(codecs, monkeypatch):
    """Two processors' worth of Ray on this machine, whose workers know the codecs of the tests."""
    ray = pytest.importorskip("ray", reason='needs Ray: pip install "tinify-codec[ray]"')
    pytest.importorskip("ray.data", reason='needs Ray Data: pip install "tinify-codec[ray]"')
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    options = {"include_dashboard": False, "log_to_driver": False, "object_store_memory": 100 << 20}
    ray.init(address="local", num_cpus=2, **options)
    yield codecs
    ray.shutdown()


def test_killed_workers_lose_nothing_and_leave_nothing_half_written(pictures, tmp_path, cluster):
    folder, out = pictures({**MANY, "03.png": 13, "raises.png": 15, "zz.png": 14}), tmp_path / "out"
    summary = compress(folder, out, "deadly-picture", engine="ray", jobs=2)
    killed = {int(mark.name.partition("-")[2]) for mark in cluster.glob("once-*")}
    assert killed and os.getpid() not in killed
    assert summary.done == 12
    errors = {row["name"]: row["error"] for row in summary.failed}
    assert sorted(errors) == ["raises.png", "zz.png"]
    assert "workers died while they were at this file" in errors["zz.png"]
    assert names(out) == [f"{name}.tnf" for name in MANY]
    for name in names(out):
        container.unpack((out / name).read_bytes())
    (folder / "raises.png").unlink()
    (folder / "zz.png").unlink()
    assert compress(folder, out, "deadly-picture", engine="ray", jobs=2).skipped == 12


def test_without_ray_the_extra_is_named(pictures, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r'pip install "tinify-codec\[ray\]"'):
        compress(pictures(MANY), tmp_path / "out", engine="ray")
