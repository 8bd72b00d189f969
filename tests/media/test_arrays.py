# SPDX-License-Identifier: Apache-2.0
"""NumPy files: the series is found, and everything comes back with its type, shape and name."""

import contextlib
import io
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify.errors import InputError, LimitError, TinifyError
from tinify.media import arrays
from tinify.signal import Signal


def npy(array, **options) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(save=np.savez, **named) -> bytes:
    file = io.BytesIO()
    save(file, **named)
    return file.getvalue()


def written(signal: Signal, extension: str = ".npy") -> bytes:
    file = io.BytesIO()
    arrays.write(signal, file, extension)
    return file.getvalue()


def loaded(data: bytes):
    return np.load(io.BytesIO(data), allow_pickle=False)


DTYPES = ["?", "u1", "<i2", ">i4", "<u8", "<f2", ">f4", "<f8"]


@pytest.mark.parametrize("shape", [(5,), (5, 3), (0,), (0, 3), (1,), (3, 0)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_an_array_comes_back_with_its_dtype_and_shape(shape, dtype):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    signal = arrays.read(npy(array))
    assert signal.modality == "series" and signal.samples.shape == (shape if len(shape) == 2 else (*shape, 1))
    assert signal.samples.dtype.isnative and signal.samples.dtype.kind in "uif"
    back = loaded(written(signal))
    assert back.dtype == array.dtype and back.shape == shape and np.array_equal(back, array)


def test_long_doubles_are_read_as_float64():
    assert arrays.read(npy(np.ones(3, np.longdouble))).samples.dtype == np.float64


def test_nan_stays_a_gap():
    assert np.isnan(arrays.read(npy(np.array([1.0, np.nan]))).samples[1, 0])


def test_fortran_order_is_read_right():
    array = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    assert np.array_equal(arrays.read(npy(array)).samples, array)


def test_a_lossy_result_is_rounded_into_the_range_of_an_integer_dtype():
    signal = arrays.read(npy(np.array([0, 255, 7], np.uint8)))
    back = loaded(written(replace(signal, samples=np.array([[-0.4], [258.2], [7.4]], np.float32))))
    assert back.tolist() == [0, 255, 7] and back.dtype == np.uint8


@pytest.mark.parametrize("dtype", ["i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_lossy_result_never_wraps_around(dtype, kind):
    ends = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype)
    back = loaded(written(replace(arrays.read(npy(ends)), samples=ends[:, None].astype(kind))))
    assert back[0] == ends[0] and back[1] >= ends[1] - 2048


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_comes_back_with_all_its_arrays(save):
    x, names = np.arange(8.0).reshape(4, 2).astype("f4"), np.array(["a", "böe"])
    data = npz(save, channels=names, x=x, dt_seconds=np.float64(0.5), empty=np.zeros((0, 2)))
    signal = arrays.read(data)
    assert np.array_equal(signal.samples, x)
    back = loaded(written(signal, ".npz"))
    assert list(back) == ["channels", "x", "dt_seconds", "empty"]
    for name, array in loaded(data).items():
        assert back[name].dtype == array.dtype and np.array_equal(back[name], array)
    kinds = [
        {member.compress_type for member in zipfile.ZipFile(io.BytesIO(content)).infolist()}
        for content in (data, written(signal, ".npz"))
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize(
    ("named", "key"),
    [
        ({"a": np.zeros((3, 2)), "x": np.ones((4, 2))}, "x"),
        ({"load": np.zeros((3, 2)), "t": np.arange(3)}, "load"),
        ({"signal": np.arange(5.0)}, "signal"),
        ({"signal": np.arange(5.0), "labels": np.array(["a"])}, "signal"),
    ],
)
def test_the_series_of_an_npz_is_found(named, key):
    signal = arrays.read(npz(**named))
    assert np.array_equal(signal.samples, named[key].reshape(len(named[key]), -1))


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}, r"name that one 'x'.*a float64\[3, 2\], b"),
        ({"a": np.zeros(3), "b": np.zeros(4)}, "name that one 'x'"),
        ({"names": np.array(["a"])}, "not a real number"),
        ({"a": np.zeros((2, 2, 2))}, "PNG"),
        ({}, "nothing"),
        ({"x": np.zeros(4), "other": np.zeros(3_000_000)}, "a file of its own"),
    ],
)
def test_an_npz_without_a_clear_series_says_what_to_do(named, words):
    with pytest.raises(InputError, match=words):
        arrays.read(npz(**named))


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 4, 3), np.uint8), "PNG"),
        (np.zeros((1, 2, 3, 4)), "4 dimensions"),
        (np.float64(3.0), "0 dimensions"),
        (np.zeros(3, complex), "complex128"),
        (np.array(["a", "b"]), "not a real number"),
        (np.zeros(3, [("a", "f4")]), "not a real number"),
        (np.zeros(3, "M8[s]"), "not a real number"),
    ],
)
def test_an_array_that_is_no_series_says_why(array, words):
    with pytest.raises(InputError, match=words):
        arrays.read(npy(array))


def test_python_objects_are_never_loaded():
    objects = np.array([{"a": 1}], dtype=object)
    for data in (npy(objects, allow_pickle=True), npz(x=objects)):
        with pytest.raises(InputError, match="objects"):
            arrays.read(data)


@pytest.mark.parametrize("shape", ["(1000000000,)", "(10000000000000,)", "(3, 9999999999999999999)", "(-4,)"])
def test_a_huge_declared_shape_is_refused_before_any_allocation(shape):
    data = npy(np.zeros(4)).replace(b"(4,), }" + b" " * (len(shape) - 4), b"%s, }" % shape.encode())
    tracemalloc.start()
    with pytest.raises((InputError, LimitError)):
        arrays.read(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("make", [lambda: npy(np.arange(20.0)), lambda: npz(x=np.arange(20.0))])
def test_a_file_that_is_cut_off_is_an_input_error(make):
    data = make()
    for length in range(len(data)):
        with pytest.raises(InputError):
            arrays.read(data[:length])


def test_a_foreign_member_of_a_zip_is_named():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("notes.txt", "hello")
    with pytest.raises(InputError, match=r"notes\.txt"):
        arrays.read(file.getvalue())


def test_any_signal_can_be_written_as_an_array():
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert np.array_equal(loaded(written(Signal("image", picture))), picture)
    assert list(loaded(written(Signal("series", np.zeros((2, 1))), ".npz"))) == ["x"]


def test_other_arrays_are_missed_aloud_in_a_npy():
    signal = arrays.read(npz(x=np.zeros((3, 1)), channels=np.array(["a"])))
    with pytest.warns(UserWarning, match="channels"):
        written(signal, ".npy")


def test_the_extension_of_the_original_is_known():
    assert arrays.restores(arrays.read(npy(np.zeros(3)))) == ".npy"
    assert arrays.restores(arrays.read(npz(x=np.zeros(3)))) == ".npz"
    assert arrays.restores(Signal("series", np.zeros((3, 1)))) is None


def test_numpy_files_are_recognised():
    assert arrays.sniff(npy(np.zeros(3))[:4096]) and arrays.sniff(npz(x=np.zeros(3))[:4096])
    assert not arrays.sniff(b"PK\x03\x04 a word document") and not arrays.sniff(b"1,2")


@settings(max_examples=200)
@given(st.data())
def test_damaged_metadata_is_a_tinify_error_or_an_array(data):
    signal = arrays.read(npz(x=np.zeros((3, 1)), channels=np.array(["a"])))
    broken = bytearray(signal.metadata["array"])
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    with contextlib.suppress(TinifyError):
        written(replace(signal, metadata={"array": broken}), ".npz")


def test_real_series_come_back(data_dir):
    path = data_dir / "timeseries" / "ettm1.npz"
    signal = arrays.read(path.read_bytes())
    back, original = loaded(written(signal, ".npz")), np.load(path)
    assert signal.samples.shape == original["x"].shape
    assert list(back) == list(original) and all(np.array_equal(back[name], original[name]) for name in original)


def test_damaged_headers_are_read_or_refused():
    rng = np.random.default_rng(3)
    data = npy(np.arange(4.0))
    for _ in range(2000):
        broken = bytearray(data)
        for place in rng.integers(0, 128, 3):
            broken[place] = rng.integers(256)
        try:
            signal = arrays.read(bytes(broken))
        except TinifyError:
            continue
        assert signal.samples.ndim == 2
