# SPDX-License-Identifier: Apache-2.0
"""Codec files, and what strangers may put into them: typed errors, little memory, none of their code."""

import io
import json
import os
import resource
import zlib

import numpy as np
import pytest
import torch
from safetensors.torch import save

import tinify
from tinify import codec_file
from tinify.errors import (
    ConfigError,
    DesyncError,
    FormatError,
    InputError,
    LimitError,
    TinifyError,
    UnknownComponentError,
    WeightsError,
)
from tinify.models.series.series_mixing import SeriesMixing

TABLE = {"kind": "codec", "name": "series-mixing", "blocks": [8], "channels": 2, "features": 1}
HEAD = 'kind = "codec"\nname = "series-mixing"\n'


def codec():
    """Fitted to two channels of its own choice, with a coder that has learned nothing."""
    made = SeriesMixing(blocks=(8,), channels=2, features=1).eval()
    made.fitted.offset.copy_(torch.tensor([20.0, -3.0]))
    made.fitted.first.copy_(torch.tensor([0, 1, 1]))
    made.fitted.table.copy_(torch.tensor([[1, 0, 60000]]))
    made.name = "x.codec"
    return made


def series(rows=200):
    return np.random.default_rng(0).normal([20, -3], size=(rows, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def data():
    return codec_file.pack(codec(), TABLE, {"rows": 7})


def sealed(toml, weights=b"", card=b"{}", lengths=None, fingerprint=b"abcd"):
    """A codec file with a right check sum around whatever is given."""
    parts = [toml.encode(), card, weights]
    head = codec_file._HEAD.pack(codec_file.MAGIC, 1, fingerprint, *(lengths or map(len, parts)))
    body = head + b"".join(parts)
    return body + zlib.crc32(body).to_bytes(4, "little")


def built(data):
    return codec_file.build(codec_file.unpack(data))


def weights(**changed):
    return save(codec().state_dict() | changed)


def fitted_toml(**changed):
    return "[codec]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in (TABLE | changed).items())


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


def test_every_cut_is_a_format_error(data):
    for length in [*range(40), *range(40, len(data), 101), len(data) - 1]:
        with pytest.raises(FormatError):
            codec_file.unpack(data[:length])
    with pytest.raises(FormatError):
        codec_file.unpack(data + b"\0")


def test_every_flipped_bit_is_an_error(data):
    for position in [*range(30), *range(30, len(data), 41)]:
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        with pytest.raises((FormatError, LimitError)):
            codec_file.unpack(bytes(flipped))


def test_flips_under_a_right_check_sum_are_typed_errors_or_a_codec_that_codes(data):
    random = np.random.default_rng(0)
    for _ in range(150):
        flipped = bytearray(data[:-4])
        for _ in range(random.integers(1, 4)):
            flipped[random.integers(4, len(flipped))] = random.integers(256)
        try:
            found = built(bytes(flipped) + zlib.crc32(flipped).to_bytes(4, "little"))
        except TinifyError:
            continue
        assert np.isfinite(found.unpack(found.pack(tinify.Signal("series", series()))).samples).all()


def test_another_version_says_what_to_do(data):
    with pytest.raises(FormatError, match="version 9 and this tinify reads 1: upgrade"):
        codec_file.unpack(data[:4] + b"\x09" + data[5:])


@pytest.mark.parametrize("lengths", [(1 << 17, 2, 0), (10, 1 << 21, 0), (10, 2, (1 << 32) - 1)])
def test_lengths_beyond_the_allowed_are_a_limit_error(lengths):
    with pytest.raises(LimitError, match="at most"):
        codec_file.unpack(sealed("[codec]", lengths=lengths))


def test_lengths_that_are_not_there_are_noticed_before_the_file_is_read(tmp_path, monkeypatch):
    path = tmp_path / "x.codec"
    path.write_bytes(codec_file._HEAD.pack(codec_file.MAGIC, 1, b"abcd", 10, 2, 1 << 28))
    with open(path, "ab") as file:
        file.truncate(1 << 40)  # sparse
    with pytest.raises(FormatError, match="declares"):
        codec_file.load(path)


TABLES = {
    "no table": "codec = 3",
    "not TOML": "[codec",
    "deep": "a = " + "[" * 5000 + "]" * 5000,
    "another key": "[codec]\n" + HEAD + "[more]\n",
    "no name": '[codec]\nkind = "codec"\n',
    "a codec with other parts": '[codec]\nkind = "codec"\nname = "tokenizer"\n',
    "a part that is no codec": '[codec]\nkind = "media"\nname = "series-mixing"\n',
    "a name of another type": '[codec]\nkind = "codec"\nname = ["series-mixing"]\n',
    "unknown base": 'base = "tokenizer"\n[codec]\n' + HEAD,
    "folder as base": 'base = "./series-mixing"\n[codec]\n' + HEAD,
    "base of another type": "base = {}\n[codec]\n" + HEAD,
    "text": "[codec]\n" + HEAD + 'blocks = "8"\n',
    "a nested part": "[codec]\n" + HEAD + 'channels = {kind = "codec", name = "series-mixing"}\n',
    "a fraction": "[codec]\n" + HEAD + "channels = 2.5\n",
    "a truth": "[codec]\n" + HEAD + "channels = true\n",
    "below zero": "[codec]\n" + HEAD + "channels = -1\n",
    "many channels": "[codec]\n" + HEAD + f"channels = {1 << 21}\n",
    "huge blocks": "[codec]\n" + HEAD + "blocks = [2048]\n",
    "many blocks": "[codec]\n" + HEAD + f"blocks = {list(range(8, 40))}\n",
    "a number for a list": "[codec]\n" + HEAD + "blocks = 8\n",
    "unknown argument": "[codec]\n" + HEAD + "layers = 3\n",
}


@pytest.mark.parametrize("case", TABLES)
def test_tables_that_describe_no_allowed_codec_are_typed_errors(case):
    with pytest.raises((ConfigError, LimitError, WeightsError)):
        built(sealed(TABLES[case], weights()))


def test_what_is_declared_and_not_there_takes_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for toml in ("channels = 1048576\nfeatures = 1048576\n", f"blocks = {list(range(1019, 1025))}\nchannels = 8192\n"):
        with pytest.raises(WeightsError, match=r"other names|not \("):
            built(sealed("[codec]\n" + HEAD + toml, weights()))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


@pytest.mark.parametrize("card", [b"[]", b"{", b"\xff", b"[" * 100000, b'{"n": ' + b"9" * 5000 + b"}", b""])
def test_a_card_that_is_no_json_table_is_a_format_error(card):
    with pytest.raises(FormatError):
        codec_file.unpack(sealed("[codec]\n" + HEAD, card=card))


class Payload:
    def __reduce__(self):
        return os.mkdir, (os.environ["PAYLOAD"],)


@pytest.mark.parametrize("way", ["pickle", "torch", "nothing", "header", "beyond"])
def test_weights_that_are_no_safetensors_run_nothing(way, tmp_path, monkeypatch):
    import pickle

    monkeypatch.setenv("PAYLOAD", str(tmp_path / "ran"))
    file = io.BytesIO()
    torch.save({"state": Payload()}, file)
    content = {
        "pickle": pickle.dumps(Payload()),
        "torch": file.getvalue(),
        "nothing": b"",
        "header": (10**15).to_bytes(8, "little") + b"{}",
        "beyond": (60).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[999],"data_offsets":[0,3996]}} ',
    }
    with pytest.raises(WeightsError):
        built(sealed(fitted_toml(), content[way]))
    assert not (tmp_path / "ran").exists()


WEIGHTS = {
    "shape": {"fitted.scale": torch.ones(3, dtype=torch.float64)},
    "type": {"fitted.scale": torch.ones(2)},
    "more": {"more": torch.ones(2)},
    "axes": {"grid.state": torch.zeros(2, 2, dtype=torch.uint8)},
    "state": {"grid.state": torch.full((50,), 7, dtype=torch.uint8)},
    "bomb": {"grid.state": torch.frombuffer(bytearray(zlib.compress(bytes(1 << 27))), dtype=torch.uint8)},
    "nan": {"fitted.scale": torch.full((2,), torch.nan, dtype=torch.float64)},
    "infinity": {"fitted.offset": torch.full((2,), torch.inf, dtype=torch.float64)},
    "reference": {"fitted.reference": torch.tensor([1, 7], dtype=torch.int32)},
    "first": {"fitted.first": torch.tensor([0, 1 << 30, 1], dtype=torch.int32)},
    "feature": {"fitted.table": torch.tensor([[0, 1, 5]], dtype=torch.int32)},
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_unsound_weights_are_a_weights_error(case):
    state = codec().state_dict() | WEIGHTS[case]
    twin = type("Twin", (SeriesMixing,), {"state_dict": lambda self: state})(blocks=(8,))
    twin.update = lambda: None
    with pytest.raises(WeightsError):
        built(sealed(fitted_toml(), save(state), fingerprint=twin.fingerprint()))


def test_what_is_no_number_cannot_be_packed():
    with pytest.raises(LimitError, match=r"codec\.blocks"):
        codec_file.pack(codec(), TABLE | {"blocks": [4096]}, {})
    with pytest.raises(ConfigError, match="may hold series-mixing"):
        codec_file.pack(codec(), TABLE | {"name": "tokenizer"}, {})
