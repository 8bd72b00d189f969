# SPDX-License-Identifier: Apache-2.0
"""Long series from file to file, with the codec of rounding and zlib."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from models.image.scenes import scene
from models.series.rounding import Rounding, walk

import tinify
from tinify import api, container, file_to_file, media
from tinify.errors import FormatError, InputError, OutputExistsError
from tinify.media.pixels import PixelRows
from tinify.signal import Signal

TESTS = Path(__file__).parent


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "x", [walk(5000, 3), walk(5000, 1)[:, 0], (walk(4000) * 100).astype(np.int16), walk(3000).astype(">f8"),
          walk(3000, 1) > 0, np.asfortranarray(walk(3000)), walk(0, 3), walk(1, 3)],
    ids=["rows", "one axis", "integers", "other byte order", "bool", "columns", "empty", "one row"],
)  # fmt: skip
def test_piece_by_piece_gives_the_bytes_and_arrays_of_the_whole(here, x):
    np.save("x.npy", x)
    done = tinify.compress_file("x.npy", "x.tnf", Rounding(), 60, chunk=700)
    whole = api.compress_signal(media.read("x.npy"), Rounding(), 60, chunk=700)
    assert Path("x.tnf").read_bytes() == whole and done.output_bytes == len(whole)
    back = tinify.decompress_file("x.tnf", "y.npy", Rounding())
    media.write(api.decompress_signal(whole, Rounding()), "z.npy")
    assert Path("y.npy").read_bytes() == Path("z.npy").read_bytes()
    y = np.load("y.npy")
    assert y.shape == x.shape and y.dtype == x.dtype and back.input_bytes == len(whole)
    assert sorted(os.listdir()) == ["x.npy", "x.tnf", "y.npy", "z.npy"]


def test_rows_come_back_as_the_kind_of_file_that_is_named(here):
    lines = [f"2026-01-01T00:{i // 60:02d}:{i % 60:02d},{np.sin(i / 9):.3f},word{i % 7}" for i in range(600)]
    Path("x.csv").write_text("time,level,label\n" + "\n".join(lines) + "\n")
    tinify.compress_file("x.csv", "x.tnf", Rounding(), 100, chunk=100)
    tinify.decompress_file("x.tnf", "all.csv", Rounding())
    assert tinify.decompress_file("x.tnf", "some.csv", Rounding(), rows=slice(250, 310)).shape == (60, 1)
    whole, some = Path("all.csv").read_text().splitlines(), Path("some.csv").read_text().splitlines()
    assert some == [whole[0], *whole[251:311]]
    assert some[1].startswith("2026-01-01T00:04:10,") and some[1].endswith(",word5")
    tinify.decompress_file("x.tnf", "some.npy", Rounding(), rows=slice(250, 310))
    assert np.load("some.npy").shape == (60, 1)


def test_what_exists_is_kept_and_failures_leave_nothing(here):
    np.save("x.npy", walk(3000))
    Path("x.tnf").write_bytes(b"precious")
    with pytest.raises(OutputExistsError):
        tinify.compress_file("x.npy", "x.tnf", Rounding())
    tinify.compress_file("x.npy", "x.tnf", Rounding(), chunk=500, overwrite=True)
    data = bytearray(Path("x.tnf").read_bytes())
    data[-100] ^= 1
    Path("bad.tnf").write_bytes(data)
    with pytest.raises(FormatError, match="entry 5"):
        tinify.decompress_file("bad.tnf", "y.npy", Rounding())

    class Failing(Rounding):
        def encode_series(self, z, quality):
            if len(z) < 500:
                raise InputError("no")
            return super().encode_series(z, quality)

    np.save("odd.npy", walk(3001))
    with pytest.raises(InputError, match="no"):
        tinify.compress_file("odd.npy", "y.tnf", Failing(), chunk=501)
    assert sorted(os.listdir()) == ["bad.tnf", "odd.npy", "x.npy", "x.tnf"]


def test_a_cut_off_npy_is_an_input_error(here):
    np.save("x.npy", walk(3000))
    os.truncate("x.npy", 20_000)
    with pytest.raises(InputError, match="cut off"):
        tinify.compress_file("x.npy", "x.tnf", Rounding())


def test_open_and_decompress_take_a_path_and_rows(here, fake_codecs):
    x = walk(2000)
    data = tinify.compress(x, Rounding(), 80, chunk=300)
    Path("x.tnf").write_bytes(data)
    whole = tinify.decompress("x.tnf", Rounding())
    with tinify.open("x.tnf", Rounding()) as reader:
        assert reader.shape == (2000, 2) and reader.chunk <= 300
        np.testing.assert_array_equal(reader[700:1700], whole[700:1700])
    for source in (data, "x.tnf"):
        part = tinify.decompress(source, Rounding(), rows=slice(700, 1700))
        np.testing.assert_array_equal(part, whole[700:1700])
    with pytest.raises(InputError, match="stop <= 2000"):
        tinify.decompress(data, Rounding(), rows=slice(0, 2001))
    one = tinify.compress(x[:, 0], Rounding(), 80, chunk=300)
    assert tinify.decompress(one, Rounding(), rows=slice(10, 20)).shape == (10,)
    with pytest.raises(InputError, match="only a series"):
        tinify.open(tinify.compress(np.zeros((9, 9, 3), np.uint8)))
    with pytest.raises(InputError, match="as a whole"):
        tinify.open(tinify.compress(x, "fake-numbers"))
    with pytest.raises(InputError, match="cannot be read"):
        tinify.open("gone.tnf")


def test_chunks_are_for_codecs_that_have_them(fake_codecs):
    with pytest.raises(tinify.ConfigError, match="chunk"):
        tinify.compress(walk(100), "fake-numbers", chunk=10)
    assert tinify.compress(walk(100), "fake-numbers", threads=1)


def test_a_target_rate_keeps_the_chunks():
    data = tinify.compress(walk(2000), Rounding(), target_bpp=6, chunk=500)
    assert len(container.EntryReader(data)) == 4


def test_a_file_that_is_not_a_series_in_chunks_is_not_indexed(here):
    Path("x.tnf").write_bytes(tinify.compress(walk(2000), Rounding()))
    Path("y.tnf").write_bytes(b"nonsense")
    assert not any(map(file_to_file.is_indexed, ("x.tnf", "y.tnf", "gone.tnf")))


MEASURED = """
import resource, numpy as np, tinify
from models.series.rounding import Rounding

def peak():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

for name in ("few", "many"):
    tinify.compress_file(f"{name}.npy", f"{name}.tnf", Rounding(), 20, chunk=50_000, threads=2)
    print(peak())
for name in ("few", "many"):
    tinify.decompress_file(f"{name}.tnf", f"{name}-back.npy", Rounding(), threads=2)
    print(peak())
"""


def test_memory_does_not_grow_with_the_length(here):
    piece = walk(50_000, 4)
    for name, count in (("few", 10), ("many", 40)):
        x = np.lib.format.open_memmap(f"{name}.npy", "w+", np.float32, (count * len(piece), 4))
        for start in range(0, len(x), len(piece)):
            x[start : start + len(piece)] = piece
    done = subprocess.run(
        [sys.executable, "-c", MEASURED], cwd=here, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    few, many, few_back, many_back = map(int, done.stdout.split())
    assert max(many - few, many_back - few_back) < os.path.getsize("many.npy") / 4
    assert np.abs(np.load("many-back.npy", mmap_mode="r")[-50_000:] - piece).max() < 0.2 * piece.std()


@pytest.mark.parametrize("source", ["x.ppm", "x.npy", "x.png"])
def test_a_picture_in_pieces_gives_the_bytes_and_samples_of_the_whole(here, source):
    x, codec = scene(70, 90), api.load("photo-fast")
    media.write(Signal("image", x), "x.ppm")
    media.write(Signal("image", x), "x.png")
    np.save("x.npy", x)
    done = tinify.compress_file(source, "x.tnf", codec, 60, tile=32)
    whole = tinify.compress(x, codec, 60, tile=32)
    assert Path("x.tnf").read_bytes() == whole == tinify.compress(source, codec, 60, tile=32)
    assert (done.modality, done.shape, done.output_bytes) == ("image", (70, 90, 3), len(whole))
    tinify.decompress_file("x.tnf", "y.npy")
    assert np.array_equal(np.load("y.npy"), tinify.decompress(whole))
    assert tinify.decompress_file("x.tnf", "part.ppm", region=(10, 20, 30, 40)).shape == (30, 40, 3)
    assert np.array_equal(media.read("part.ppm").samples, tinify.decompress(whole)[10:40, 20:60])
    assert tinify.compress_file(source, "bound.tnf", codec, max_error=2, tile=32).shape == (70, 90, 3)
    assert np.abs(tinify.decompress("bound.tnf").astype(int) - x).max() == 2


def test_a_large_raw_picture_is_never_whole_in_memory(here, monkeypatch):
    x = scene(200, 60)
    np.save("x.npy", x)
    most, read = [], PixelRows.__getitem__

    def watched(rows, wanted):
        found = read(rows, wanted)
        most.append(len(found))
        return found

    monkeypatch.setattr(PixelRows, "__getitem__", watched)
    tinify.compress_file("x.npy", "x.tnf", api.load("photo-fast"), lossless=True, tile=16)
    assert len(most) == 13 and max(most) == 16
    with tinify.open_picture("x.tnf") as reader:
        bands = list(reader.bands())
    assert max(map(len, bands)) == 16 and np.array_equal(np.concatenate(bands), x)
