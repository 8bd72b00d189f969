# SPDX-License-Identifier: Apache-2.0
"""What strangers may put into codec files: typed errors, little memory, none of their code."""

import io
import os
import resource
import tracemalloc
import zlib

import numpy as np
import pytest
import torch
from codec_files import HEAD, TABLE, built, codec, fitted_toml, sealed, series, weights
from safetensors.torch import save

import tinify
from tinify import codec_file
from tinify.errors import (
    ConfigError,
    FormatError,
    LimitError,
    TinifyError,
    WeightsError,
)
from tinify.models.series.series_mixing import SeriesMixing


@pytest.fixture(scope="module")
def data():
    return codec_file.pack(codec(), TABLE, {"rows": 7})


def test_every_cut_is_a_format_error(data):
    for length in range(len(data)):
        with pytest.raises(FormatError):
            codec_file.unpack(data[:length])
    with pytest.raises(FormatError):
        codec_file.unpack(data + b"\0")


def test_every_flipped_bit_is_an_error(data):
    for position in range(len(data)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        with pytest.raises((FormatError, LimitError)):
            codec_file.unpack(bytes(flipped))


def test_flips_under_a_right_check_sum_are_typed_errors_or_a_codec_that_codes(data):
    random, (toml, tensors) = np.random.default_rng(0), (fitted_toml().encode(), weights())
    for number in range(300):
        flipped = bytearray((data[:-4], toml, tensors)[number % 3])
        for _ in range(random.integers(1, 4)):
            flipped[random.integers(len(flipped))] = random.integers(256)
        try:
            if number % 3 == 0:
                found = built(bytes(flipped) + zlib.crc32(flipped).to_bytes(4, "little"))
            else:
                text = flipped.decode("latin-1") if number % 3 == 1 else fitted_toml()
                found = built(sealed(text, flipped if number % 3 == 2 else tensors, fingerprint=codec().fingerprint()))
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
    path.write_bytes(codec_file._HEAD.pack(codec_file.MAGIC, 1, b"abcd", 10, 2, 1 << 26))
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


@pytest.mark.parametrize("size", [9, 1 << 27])
@pytest.mark.parametrize("lengths", [(1 << 16, 1 << 20, 1 << 26), (10, 2, 0), (10, 2, 1 << 20)])
def test_more_or_less_than_is_declared_is_a_format_error(lengths, size):
    data = sealed("x" * 10, bytes(size), lengths=lengths)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="declares"):
            codec_file.unpack(data)
        assert tracemalloc.get_traced_memory()[1] < 5 * sum(lengths) // 2 + (1 << 20)
    finally:
        tracemalloc.stop()


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
