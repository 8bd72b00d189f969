# SPDX-License-Identifier: Apache-2.0
"""Arrays in zarr, format 3, through any series or image codec: inside the bound, in chunks, in parallel, by xarray."""

import json
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests import codec_files
from tinify import api, codec_file, container, zoo
from tinify.errors import ConfigError, DesyncError, FormatError, InputError

zarr = pytest.importorskip("zarr", minversion="3", reason="zarr is not installed: tinify-codec[zarr]")
from tinify.interop import arrays  # noqa: E402
from tinify.interop.zarr import Tinify  # noqa: E402


@pytest.fixture(autouse=True)
def registered():
    """As the entry point does it; the one that is installed may be of another version."""
    zarr.registry.register_codec("tinify", Tinify)


def field(shape, dtype="float32"):
    steps = np.random.default_rng(0).normal(size=shape)
    return (steps.cumsum(0) + 20 * np.sin(np.arange(shape[-1]) / 9)).astype(dtype)


def stored(x, chunks, **options):
    store = zarr.storage.MemoryStore()
    serializer = Tinify(**options)
    made = zarr.create_array(
        store, shape=x.shape, chunks=chunks, dtype=x.dtype, serializer=serializer, compressors=None, fill_value=0
    )
    made[...] = x
    return store, zarr.open_array(store, mode="r")[...]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16", "uint8", "int64", "uint64", ">f4", ">i2"])
def test_chunks_come_back_within_the_bound_in_their_type(dtype):
    x = field((40, 6, 8), dtype)
    _, back = stored(x, (16, 6, 8), max_error=0.5)
    assert back.dtype == x.dtype.newbyteorder("=") and back.shape == x.shape
    assert np.abs(back.astype("f8") - x.astype("f8")).max() <= 0.5


def test_a_bound_leaves_something_to_gain_and_the_codec_finds_it():
    x = field((64, 8, 8))
    store, back = stored(x, (64, 8, 8), max_error=0.05)
    assert 0 < np.abs(back - x).max() <= 0.05
    assert sum(len(value) for key, value in store._store_dict.items() if "json" not in key) < x.nbytes / 3


def test_nan_and_infinity_stay_where_they_are():
    x = field((32, 5))
    x[3:7, 2], x[9, 1], x[10, 1] = np.nan, np.inf, -np.inf
    _, back = stored(x, (20, 5), max_error=0.01)
    finite = np.isfinite(x)
    assert np.array_equal(back[~finite], x[~finite], equal_nan=True)
    assert np.abs(back[finite] - x[finite]).max() <= 0.01


@pytest.mark.parametrize("dtype", ["float64", "int32", "bool"])
def test_lossless_is_every_bit(dtype):
    x = field((30, 4)) > 0 if dtype == "bool" else field((30, 4), dtype)
    assert np.array_equal(stored(x, (11, 4), lossless=True)[1], x)


def test_a_chunk_at_the_end_that_is_filled_up_keeps_the_bound():
    x = field((50, 4)) + 1e4
    assert np.abs(stored(x, (40, 4), max_error=0.01)[1] - x).max() <= 0.01


def test_the_axis_of_channels_can_be_chosen():
    x = np.ascontiguousarray(np.moveaxis(field((50, 4, 3)), 2, 0))
    store, back = stored(x, (3, 25, 4), max_error=0.1, channels=0)
    assert np.abs(back - x).max() <= 0.1
    assert container.unpack(store._store_dict["c/0/0/0"].to_bytes()).shape == (100, 3)


def test_a_chunk_is_a_plain_tnf_file_that_every_reader_opens():
    x = field((24, 4))
    store, back = stored(x, (24, 4), max_error=0.1)
    chunk = store._store_dict["c/0/0"].to_bytes()
    assert container.inspect(chunk)["codec"] == "series-mixing"
    assert np.array_equal(api.decompress(chunk), back)


def test_the_configuration_is_json_without_what_is_as_by_default():
    store, _ = stored(field((8, 3)), (8, 3), max_error=np.float32(0.5))
    codecs = json.loads(store._store_dict["zarr.json"].to_bytes())["codecs"]
    assert codecs == [{"name": "tinify", "configuration": {"codec": "series-mixing", "max_error": 0.5}}]
    assert Tinify.from_dict(codecs[0]) == Tinify(max_error=0.5)


@pytest.mark.parametrize(
    "shape, chunks", [((64, 48, 3), (32, 48, 3)), ((2, 40, 32), (1, 40, 32)), ((64, 48), (32, 48))]
)
def test_pictures_through_an_image_codec_without_loss(shape, chunks):
    x = np.clip(field(shape) + 128, 0, 255).astype("uint8")
    assert np.array_equal(stored(x, chunks, codec="photo-fast", lossless=True)[1], x)
    assert np.abs(stored(x, chunks, codec="photo-fast", max_error=2)[1].astype(int) - x).max() <= 2


def test_pictures_through_an_image_codec_at_a_quality():
    x = np.clip(field((64, 48, 3)) + 128, 0, 255).astype("uint8")
    store, back = stored(x, (64, 48, 3), codec="photo-fast", quality=60)
    assert back.shape == x.shape and back.dtype == np.uint8
    assert len(store._store_dict["c/0/0/0"].to_bytes()) < x.nbytes


def test_shards_hold_chunks():
    x = field((32, 6))
    store = zarr.storage.MemoryStore()
    made = zarr.create_array(store, shape=x.shape, chunks=(8, 6), shards=(16, 6), dtype="f4",
                             serializer=Tinify(max_error=0.1), compressors=None)  # fmt: skip
    made[...] = x
    assert np.abs(zarr.open_array(store, mode="r")[5:20] - x[5:20]).max() <= 0.1


def test_threads_write_and_read_side_by_side_what_one_does():
    x = field((64, 8))
    store = zarr.storage.MemoryStore()
    made = zarr.create_array(store, shape=x.shape, chunks=(8, 8), dtype="f4", serializer=Tinify(max_error=0.1),
                             compressors=None)  # fmt: skip

    def write(start):
        made[start : start + 8] = x[start : start + 8]

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(0, 64, 8)))
        parts = list(threads.map(lambda start: made[start : start + 8], range(0, 64, 8)))
    assert np.abs(np.concatenate(parts) - x).max() <= 0.1
    assert np.array_equal(np.concatenate(parts), stored(x, (8, 8), max_error=0.1)[1])


@pytest.mark.parametrize(
    "x, options",
    [
        (np.zeros((8, 8), "complex64"), {}),
        (np.zeros((8, 8), "int32"), {"codec": "photo-fast"}),
        (np.zeros((8, 8), "float32"), {"codec": "photo-fast", "lossless": True}),
        (np.zeros((8,), "uint8"), {"codec": "photo-fast"}),
        (np.zeros((8, 8), "f4"), {"channels": 2}),
        (np.zeros((8, 8), "f4"), {"max_error": -1}),
        (np.zeros((8, 8), "f4"), {"max_error": 1, "lossless": True}),
        (np.zeros((8, 8), "f4"), {"max_error": "1"}),
        (np.zeros((8, 8), "f4"), {"max_error": float("nan")}),
        (np.zeros((8, 8), "f4"), {"codec": 3}),
        (np.zeros((8, 8), "f4"), {"lossless": 1}),
        (np.zeros((8, 8), "f4"), {"quality": 101}),
        (np.zeros((8, 8, 5), "u1"), {"codec": "photo-fast", "channels": 2}),
    ],
)
def test_what_cannot_be_stored_is_a_config_error(x, options):
    with pytest.raises(ConfigError):
        stored(x, x.shape, **options)


def test_damaged_and_foreign_chunks_are_format_errors():
    x = field((24, 4))
    store, _ = stored(x, (24, 4), max_error=0.1)
    chunk, codec = store._store_dict["c/0/0"].to_bytes(), arrays.ArrayCodec(max_error=0.1)
    for hurt in (chunk[:-3], b"", b"\x89TNF", chunk[:9] + b"\xff" + chunk[10:]):
        with pytest.raises(FormatError):
            codec.decode(hurt, np.dtype("f4"), (24, 4))
    for dtype, shape in (("f4", (24, 5)), ("f8", (24, 4)), ("f4", (12, 4))):
        with pytest.raises(FormatError):
            codec.decode(chunk, np.dtype(dtype), shape)
    with pytest.raises(DesyncError):
        arrays.ArrayCodec("tokenizer").decode(chunk, np.dtype("f4"), (24, 4))


@pytest.mark.parametrize("config", [{"codec": "series-mixing", "level": 1}, {"codec": ["a"]}, {"codec": "./mine"}, []])
def test_what_a_store_says_is_checked(config):
    with pytest.raises(ConfigError):
        arrays.ArrayCodec.of_config(config)


def test_a_store_names_a_folder_only_where_that_is_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "_trusted", set())
    with pytest.raises(ConfigError, match="trust"):
        arrays.ArrayCodec.of_config({"codec": str(tmp_path)})
    arrays.trust(tmp_path)
    assert arrays.ArrayCodec.of_config({"codec": str(tmp_path)}).codec == str(tmp_path)


def test_xarray_stores_through_its_encoding_and_reads_lazily(tmp_path):
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    t = field((48, 10, 12))
    data = xarray.Dataset({"t": (("time", "lat", "lon"), t)}, {"time": np.arange(48) * 3600})
    encoding = {"t": {"serializer": Tinify(max_error=0.05), "compressors": None, "chunks": (24, 10, 12)}}
    data.to_zarr(tmp_path / "a.zarr", encoding=encoding, zarr_format=3, consolidated=False)
    back = xarray.open_zarr(tmp_path / "a.zarr", consolidated=False, chunks=None)
    assert np.abs(back.t[20:30].values - t[20:30]).max() <= 0.05
    assert np.array_equal(back.time, data.time)


def test_dask_writes_and_reads_in_threads(tmp_path):
    dask = pytest.importorskip("dask.array", reason="dask is not installed")
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    t = field((48, 5, 6))
    data = xarray.Dataset({"t": (("time", "lat", "lon"), dask.from_array(t, chunks=(12, 5, 6)))})
    encoding = {"t": {"serializer": Tinify(max_error=0.05), "compressors": None}}
    data.to_zarr(tmp_path / "a.zarr", encoding=encoding, zarr_format=3, consolidated=False)
    back = xarray.open_zarr(tmp_path / "a.zarr", consolidated=False)
    assert np.abs(back.t.data.compute(scheduler="threads") - t).max() <= 0.05


def test_a_codec_goes_to_other_processes_and_is_the_same_there():
    codec = Tinify(max_error=0.1, channels=0)
    assert pickle.loads(pickle.dumps(codec)) == codec


def test_real_series_of_every_kind_come_back_within_the_bound():
    folder = Path(os.environ.get("TINIFY_DATA", "")) / "timeseries"
    if not (folder / "index.json").is_file():
        pytest.skip("TINIFY_DATA names no folder with timeseries/index.json")
    index = json.loads((folder / "index.json").read_text())
    names = [name for name, entry in index.items() if isinstance(entry, dict) and "file" in entry][:3]
    for name in names:
        with np.load(folder / index[name]["file"]) as arrays:
            x = arrays["x"][:600]
        bound = 0.01 * float(np.nanstd(x.astype("f8")))
        _, back = stored(x, (300, *x.shape[1:]), max_error=bound)
        finite = np.isfinite(x)
        assert np.abs(back[finite].astype("f8") - x[finite].astype("f8")).max() <= bound, name
        assert np.array_equal(back[~finite], x[~finite], equal_nan=True)


def test_a_codec_file_is_named_by_the_store_and_loaded_from_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = codec_files.codec()
    (tmp_path / "my.codec").write_bytes(codec_file.pack(made, codec_files.TABLE, {}))
    x = codec_files.series(64)
    store, back = stored(x, (32, 2), codec="my.codec", max_error=0.25)
    assert np.abs(back - x).max() <= 0.25
    assert container.inspect(store._store_dict["c/0/0"].to_bytes())["codec"] == "my.codec"
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.setattr(api, "_codecs", {})
    with pytest.raises(InputError, match=r"my\.codec"):
        zarr.open_array(store, mode="r")[...]


def test_a_folder_that_the_caller_named_is_trusted_and_its_chunks_need_it():
    codec = Tinify(codec=zoo.find("photo-fast").folder)
    assert Tinify.from_dict(codec.to_dict()) == codec
