# SPDX-License-Identifier: Apache-2.0
"""Codec files: a codec in one file, by its name in Python."""

import numpy as np
import pytest
from codec_files import TABLE, built, codec, series

import tinify
from tinify import codec_file
from tinify.errors import (
    ConfigError,
    DesyncError,
    FormatError,
    InputError,
    LimitError,
    UnknownComponentError,
    WeightsError,
)
from tinify.models.series.series_mixing import SeriesMixing


@pytest.fixture(scope="module")
def data():
    return codec_file.pack(codec(), TABLE, {"rows": 7})


def test_a_codec_comes_back(data, tmp_path):
    file = codec_file.unpack(data)
    assert file.table == TABLE and file.card == {"rows": 7} and not file.base
    loaded = codec_file.build(file, "x.codec")
    assert loaded.fingerprint() == codec().fingerprint() == file.fingerprint
    assert tinify.compress(series(), loaded) == tinify.compress(series(), codec())


def test_a_base_gives_the_coders_states(tmp_path):
    general = tinify.load("series-mixing")
    mine = SeriesMixing(general.blocks, channels=2, features=0).eval()
    states = {key: value for key, value in general.state_dict().items() if key.endswith(".state")}
    mine.load_state_dict(mine.state_dict() | states)
    table = {"kind": "codec", "name": "series-mixing", "channels": 2, "features": 0}
    data = codec_file.pack(mine, table, {}, "series-mixing")
    assert len(data) < 5000 and built(data).fingerprint() == mine.fingerprint()


def test_another_general_codec_than_the_one_it_was_made_with_is_noticed():
    table = {"kind": "codec", "name": "series-mixing", "channels": 2, "features": 0}
    data = codec_file.pack(SeriesMixing(channels=2), table, {"tinify": "9.8.7"}, "series-mixing")
    with pytest.raises(WeightsError, match=r"'series-mixing' is not the one .* read by tinify '9\.8\.7'; for new ones"):
        built(data)


def test_python_takes_a_codec_file_by_its_name(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.codec", tmp_path / "mine.codec"):
        (tmp_path / "mine.codec").write_bytes(data)
        packed = tinify.compress(series(), codec=name)
        assert np.abs(tinify.decompress(packed, codec=name) - series()).max() < 0.5
        assert tinify.load(name) is tinify.load(name)


def test_a_codec_file_written_anew_is_read_anew(data, tmp_path):
    path, other = tmp_path / "mine.codec", codec()
    path.write_bytes(data)
    before = tinify.load(path)
    other.fitted.scale *= 2
    path.write_bytes(codec_file.pack(other, TABLE, {"rows": 8}))
    assert tinify.load(path).fingerprint() == other.fingerprint() != before.fingerprint()


def test_a_tnf_file_cannot_make_us_read_a_codec_file_of_its_choice(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.codec").write_bytes(data)
    packed = tinify.compress(series(), codec="mine.codec")
    with pytest.raises(UnknownComponentError, match=r"codec='mine\.codec' in Python"):
        tinify.decompress(packed)


def test_another_codec_file_is_a_desync_error(data, tmp_path):
    other = codec()
    other.fitted.scale *= 2
    for name, content in {"a": data, "b": codec_file.pack(other, TABLE, {})}.items():
        (tmp_path / f"{name}.codec").write_bytes(content)
    packed = tinify.compress(series(), codec=tmp_path / "a.codec")
    with pytest.raises(DesyncError, match=r"'b\.codec' here has"):
        tinify.decompress(packed, codec=tmp_path / "b.codec")


def test_names_that_are_recorded_are_short_and_printable():
    assert codec_file.recorded_name("/some/where/pump.codec") == "pump.codec"
    assert codec_file.recorded_name("ü\n.codec") == "??.codec"
    assert codec_file.recorded_name("x" * 100 + ".codec") == "x" * 58 + ".codec"


def test_a_folder_may_be_called_like_a_codec_file(tmp_path):
    (tmp_path / "x.codec").mkdir()
    assert not codec_file.is_named(tmp_path / "x.codec") and codec_file.is_named(tmp_path / "y.codec")


def test_a_file_that_is_missing_or_something_else_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.codec: No such file"):
        codec_file.load(tmp_path / "gone.codec")
    (tmp_path / "photo.codec").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    with pytest.raises(FormatError, match=r"photo\.codec: this is not a codec file"):
        codec_file.load(tmp_path / "photo.codec")


def test_what_is_no_number_cannot_be_packed():
    with pytest.raises(LimitError, match=r"codec\.blocks"):
        codec_file.pack(codec(), TABLE | {"blocks": [4096]}, {})
    with pytest.raises(ConfigError, match="may hold series-mixing"):
        codec_file.pack(codec(), TABLE | {"name": "tokenizer"}, {})
