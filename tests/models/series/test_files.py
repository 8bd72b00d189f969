# SPDX-License-Identifier: Apache-2.0
"""Files of series in one and in many chunks, with a codec of rounding and zlib."""

import contextlib
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify import container
from tinify.errors import FormatError, InputError, TinifyError
from tinify.models.series.chunks import Chunks
from tinify.models.series.reader import SeriesReader
from tinify.signal import Signal

from .rounding import Fitted, Rounding, walk


def packed(x, codec=None, **options) -> bytes:
    return container.pack((codec or Rounding()).pack(Signal("series", x), **options))


def unpacked(data, codec=None, **options):
    return (codec or Rounding()).unpack(container.unpack(data), **options).samples


class Counting(io.BytesIO):
    """A file that adds up what is read of it."""

    total = 0

    def read(self, size=-1):
        data = super().read(size)
        self.total += len(data)
        return data


def reader_of(data: bytes) -> tuple[SeriesReader, Counting]:
    source = Counting(data)
    return SeriesReader(Rounding(), container.EntryReader(source)), source


@pytest.mark.parametrize("chunk", [1, 7, 100, 999, 1000, 5000])
def test_any_number_of_chunks_gives_the_series_back(chunk):
    x = walk(1000, 3)
    x[400:460, 1], x[3, 0] = np.nan, np.inf
    y = unpacked(packed(x, chunk=chunk))
    np.testing.assert_array_equal(np.isfinite(x), np.isfinite(y))
    assert (
        np.max(np.abs(np.where(np.isfinite(x), x, 0) - np.where(np.isfinite(y), y, 0))) < np.std(x[np.isfinite(x)]) / 30
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 300), st.integers(0, 4), st.integers(1, 80), st.integers(0, 9),
       st.sampled_from(["float32", "float64", "int16", "uint64", "bool"]))  # fmt: skip
def test_every_shape_and_type_comes_back_from_chunks(rows, channels, chunk, seed, dtype):
    x = (walk(rows, channels, seed) * 20).astype(dtype)
    y = unpacked(packed(x, chunk=chunk, quality=90))
    assert y.shape == x.shape and y.dtype == x.dtype
    if dtype != "uint64" and x.size:
        assert np.abs(x.astype(float) - y).max() <= 1


def test_a_series_of_one_chunk_has_no_index():
    x = walk(500)
    assert packed(x, chunk=500) == packed(x)
    file = container.unpack(packed(x))
    assert file.find(container.INDEX) is None
    assert container.unpack(packed(x, chunk=499)).find(container.INDEX) is not None


@pytest.mark.parametrize("codec_name", ["rounding", "series-mixing"])
def test_bytes_and_samples_do_not_depend_on_threads(codec_name):
    from tinify import api

    codec = Rounding() if codec_name == "rounding" else api.load(codec_name)
    x = walk(4000, 3)
    files = {packed(x, codec, chunk=700, threads=threads) for threads in (1, 2, 3)}
    assert len(files) == 1
    data = files.pop()
    first = unpacked(data, codec, threads=1)
    np.testing.assert_array_equal(first, unpacked(data, codec, threads=2))
    assert np.abs(first - x).max() < 0.2 * x.std()


def test_another_process_writes_the_same_bytes_and_reads_the_same_samples(tmp_path):
    x = walk(900)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "x.tnf").write_bytes(packed(x, chunk=200))
    code = (
        "import sys, numpy as np\nfrom tests.models.series.test_files import packed, unpacked\n"
        "x = np.load(sys.argv[1] + '/x.npy')\ndata = packed(x, chunk=200, threads=1)\n"
        "assert data == open(sys.argv[1] + '/x.tnf', 'rb').read()\nnp.save(sys.argv[1] + '/y.npy', unpacked(data))"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=Path(__file__).parents[3])
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), unpacked(packed(x, chunk=200)))


def test_chunks_share_the_deviations_of_the_whole_series():
    quiet, loud = 0.01 * walk(500, 1), walk(500, 1)
    x = np.concatenate([quiet, loud])
    error = np.abs(unpacked(packed(x, chunk=500)) - x)
    assert error[:500].max() < error[500:].max() * 2 and error[500:].max() < 2 * x.std() / 2**5
    file = container.unpack(packed(x, chunk=500))
    first, second = (len(entry) for entry in container.entries_of(file))
    assert first < second / 3


def test_a_given_scale_holds_in_every_chunk():
    x = np.concatenate([walk(500, 2), 50 * walk(500, 2, 1)])
    y = unpacked(packed(x, chunk=250, quality=50, scale=np.array([1.0, 100.0])))
    error = np.abs(y - x)
    assert error[:, 0].max() < 0.04 and 0.04 < error[:, 1].max() < 4
    with pytest.raises(InputError):
        packed(x, chunk=250, scale=np.array([1.0, -1.0]))


def test_a_channel_that_is_constant_in_a_chunk_is_exact_there():
    x = walk(600)
    x[200:400, 1] = 0.1
    y = unpacked(packed(x, chunk=200))
    np.testing.assert_array_equal(y[200:400, 1], x[200:400, 1])


def test_rows_are_those_of_the_whole_series():
    x = walk(1000)
    data = packed(x, chunk=90)
    whole = unpacked(data)
    reader, _ = reader_of(data)
    assert reader.shape == (1000, 2) and reader.dtype == np.float32 and len(reader) == 1000
    for start, stop in ((0, 1000), (0, 1), (999, 1000), (84, 85), (83, 250), (500, 500), (0, 0), (1000, 1000)):
        np.testing.assert_array_equal(reader.read(start, stop), whole[start:stop])
    np.testing.assert_array_equal(reader[-100:-3], whole[-100:-3])
    np.testing.assert_array_equal(reader[17], whole[17])
    np.testing.assert_array_equal(np.concatenate(list(reader.pieces(85, 700, threads=2))), whole[85:700])


def test_only_the_chunks_that_are_needed_are_read():
    data = packed(walk(20_000, 4), chunk=500, quality=100)
    reader, source = reader_of(data)
    opened = source.total
    assert opened < 6000
    reader.read(10_100, 10_300)
    entry = max(len(entry) for entry in container.entries_of(container.unpack(data)))
    assert 0 < source.total - opened <= entry
    reader.read(10_100, 11_000)
    assert source.total - opened <= 4 * entry < len(data) / 8


@pytest.mark.parametrize("rows", [slice(0, 1001), slice(5, 4), slice(-1001, None), slice(0, 10, 2), 1000, -1001])
def test_rows_out_of_bounds_say_what_is_allowed(rows):
    reader, _ = reader_of(packed(walk(1000), chunk=100))
    with pytest.raises(InputError, match="allowed"):
        reader[rows]


def test_a_file_of_one_chunk_is_read_in_rows_too():
    data = packed(walk(300))
    reader = SeriesReader(Rounding(), container.unpack(data))
    np.testing.assert_array_equal(reader[20:30], unpacked(data)[20:30])


def test_damage_in_one_chunk_leaves_the_others_readable():
    data = bytearray(packed(walk(1000), chunk=100))
    entries = container.entries_of(container.unpack(bytes(data)))
    position = len(data) - 4 - sum(map(len, entries[5:])) + 10
    data[position] ^= 1
    reader, _ = reader_of(bytes(data))
    assert reader[:500].shape == (500, 2) and reader[600:].shape == (400, 2)
    with pytest.raises(FormatError, match="entry 5"):
        reader[499:501]
    with pytest.raises(FormatError, match="CRC"):
        container.unpack(bytes(data))


def test_metadata_stand_before_the_index_and_come_back():
    file = Rounding().pack(Signal("series", walk(500), {"note": b"hello"}), chunk=100)
    assert [section.kind for section in file.sections] == [container.METADATA, container.INDEX, container.PAYLOAD]
    reader, _ = reader_of(container.pack(file))
    assert reader.metadata == {"note": b"hello"} == Rounding().unpack(file).metadata


def test_progress_is_told_for_packing_and_unpacking():
    seen = []
    data = packed(walk(1000), chunk=300, progress=lambda *step: seen.append(step))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    unpacked(data, progress=lambda *step: seen.append(step))
    assert seen[4:] == seen[:4]


def test_of_a_large_source_only_chunks_are_taken():
    class Rows:
        """An array that may be taken in pieces only."""

        shape, dtype = (1000, 2), np.dtype(np.float32)

        def __getitem__(self, rows):
            assert rows.stop - rows.start <= 100
            return walk(1000)[rows]

    chunks = Chunks.of(1000, 2, 100)
    bodies = list(Rounding().pack_chunks(Signal("series", Rows()), chunks))
    assert [*map(bytes, container.entries_of(container.unpack(packed(walk(1000), chunk=100))))] == [
        container.pack_body(body.params, body.sections) for body in bodies
    ]


def test_a_codec_with_scales_of_its_own_stores_none():
    x = walk(500) + 5
    codec, plain = Fitted(), Rounding()
    file = codec.pack(Signal("series", x))
    assert [section.kind for section in file.sections] == [container.PAYLOAD]
    assert np.abs(codec.unpack(file).samples - x).max() < 2 / 2**5
    assert np.abs(unpacked(packed(x, codec, chunk=100), codec) - x).max() < 2 / 2**5
    three = codec.pack(Signal("series", walk(500, 3)))
    assert np.abs(codec.unpack(three).samples - walk(500, 3)).max() < 2
    with pytest.raises(FormatError, match="no scales of its own for 2"):
        plain.unpack(file)
    with pytest.raises(FormatError, match="no scales of its own for 3"):
        codec.unpack(replace(file, shape=(500, 3)))


def test_hostile_chunks_are_typed_errors_or_series_of_the_right_shape():
    file, random = Rounding().pack(Signal("series", walk(700, 3)), chunk=100), np.random.default_rng(0)
    index, payload = file.require(container.INDEX), file.require(container.PAYLOAD)
    refused = 0
    for _ in range(400):
        broken = {container.INDEX: bytearray(index), container.PAYLOAD: bytearray(payload)}
        shape, params = file.shape, file.params
        how = random.integers(4)
        if how < 2:
            data = broken[container.INDEX if how else container.PAYLOAD]
            data[random.integers(len(data))] ^= 1 << random.integers(8)
        elif how == 2:
            shape = tuple(int(size) for size in random.choice([0, 1, 2, 3, 699, 701, 7000, 1 << 28], 2))
        else:
            params = random.bytes(random.integers(0, 4))
        sections = tuple(container.Section(kind, bytes(data)) for kind, data in broken.items())
        with contextlib.suppress(TinifyError):
            data = container.pack(replace(file, shape=shape, params=params, sections=sections))
            refused += 1
            for read in (lambda data: reader_of(data)[0].read(), unpacked):
                assert read(data).shape == shape
            refused -= 1
    assert refused > 250
