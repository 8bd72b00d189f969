# SPDX-License-Identifier: Apache-2.0
"""Arrays through numcodecs: JSON configuration, `out`, memory order, zarr format 2 and xarray's encoding of it."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tinify.errors import ConfigError, FormatError

numcodecs = pytest.importorskip("numcodecs", reason="numcodecs is not installed: tinify-codec[zarr]")
from tinify.interop.numcodecs import Tinify  # noqa: E402


@pytest.fixture(autouse=True)
def registered():
    numcodecs.register_codec(Tinify)


def field(shape, dtype="float32"):
    return np.random.default_rng(1).normal(size=shape).cumsum(0).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8", ">f4", ">i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_comes_back_in_type_and_order_within_the_bound(dtype, order):
    x = np.asarray(np.abs(field((30, 4, 3), dtype)), order=order)
    flat = Tinify(max_error=0.5).decode(Tinify(max_error=0.5).encode(x))
    back = flat.view(x.dtype).reshape(x.shape, order=order)
    assert np.abs(back.astype("f8") - x.astype("f8")).max() <= 0.5


def test_another_axis_of_channels_comes_back_in_place():
    x = field((3, 40))
    codec = Tinify(max_error=0.1, channels=0)
    assert np.abs(codec.decode(codec.encode(x)).reshape(x.shape) - x).max() <= 0.1


def test_out_is_filled():
    x, codec = field((30, 4)), Tinify(lossless=True)
    out = np.empty_like(x)
    codec.decode(codec.encode(x), out=out)
    assert np.array_equal(out, x)


def test_the_configuration_is_json_and_makes_the_same_codec():
    codec = Tinify("series-mixing", max_error=0.25, channels=0)
    config = json.loads(json.dumps(codec.get_config()))
    assert config == {"id": "tinify", "codec": "series-mixing", "max_error": 0.25, "channels": 0}
    assert numcodecs.get_codec(config) == codec


@pytest.mark.parametrize("config", [{"codec": "./mine"}, {"clevel": 5}, {"max_error": "x"}])
def test_a_configuration_that_makes_no_sense_is_a_config_error(config):
    with pytest.raises(ConfigError):
        numcodecs.get_codec({"id": "tinify", **config})


def test_strings_of_time_and_objects_are_config_errors():
    for x in (np.array(["2020-01-01"], "M8[D]"), np.array(["a"]), np.zeros(3, complex)):
        with pytest.raises(ConfigError):
            Tinify(lossless=True).encode(x)


def test_damaged_chunks_are_format_errors():
    data = Tinify(max_error=0.1, channels=0).encode(field((3, 40)))
    for hurt in (data[:-1], b"", data[:20] + b"\0" + data[21:]):
        with pytest.raises(FormatError):
            Tinify(channels=0).decode(hurt)


def test_threads_share_a_codec():
    x, codec = field((20, 4)), Tinify(max_error=0.1)
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: codec.encode(x), range(6)))) == 1


@pytest.mark.parametrize("order", ["C", "F"])
def test_zarr_of_format_2_stores_chunks(order):
    zarr = pytest.importorskip("zarr", minversion="3", reason="zarr is not installed: tinify-codec[zarr]")
    x, store = field((40, 5)), zarr.storage.MemoryStore()
    made = zarr.create_array(store, shape=x.shape, chunks=(16, 5), dtype=x.dtype, zarr_format=2, order=order,
                             compressors=Tinify(max_error=0.05), filters=None, fill_value=0)  # fmt: skip
    made[...] = x
    assert np.abs(zarr.open_array(store, mode="r")[...] - x).max() <= 0.05


def test_xarray_stores_format_2_through_its_encoding(tmp_path):
    pytest.importorskip("zarr", minversion="3", reason="zarr is not installed: tinify-codec[zarr]")
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    t = field((48, 10))
    data = xarray.Dataset({"t": (("time", "x"), t)})
    encoding = {"t": {"compressors": Tinify(max_error=0.05), "filters": None, "chunks": (24, 10)}}
    data.to_zarr(tmp_path / "a.zarr", encoding=encoding, zarr_format=2, consolidated=False)
    back = xarray.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    assert np.abs(back.t.values - t).max() <= 0.05
