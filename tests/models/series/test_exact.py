# SPDX-License-Identifier: Apache-2.0
"""The integers of a file are the same for any batch, process, number of threads and chunks, for every codec of the zoo.

Samples may differ in the last digits where a network makes them from those integers; where none does, they are equal.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from tests.models.series.test_tokenizer import waves
from tinify import api, container, zoo
from tinify.signal import Signal

REPOSITORY = Path(__file__).resolve().parents[3]
CODECS = [name for name in zoo.names() if hasattr(api.load(name), "pack_rows")]
WITH_LATENTS = [name for name in CODECS if hasattr(api.load(name), "latent_codec")]
WITHOUT_NETWORKS = [name for name in CODECS if name not in WITH_LATENTS]


def windows(count: int) -> torch.Tensor:
    return torch.from_numpy(waves(512, count, seed=3).T.copy())[:, None]


def latents(name: str, strings: list, shape: tuple) -> np.ndarray:
    """The integers of the strings, as the vectors that they stand for."""
    codec, kept = api.load(name), []
    decompress = codec.latent_codec.decompress

    def noted(*args, **kwargs):
        kept.append(decompress(*args, **kwargs))
        return kept[-1]

    with mock.patch.object(codec.latent_codec, "decompress", noted):
        codec.decompress(strings, shape)
    return kept[0].y_hat.numpy()


def digest(name: str, written: list) -> str:
    strings = [[bytes.fromhex(text) for text in stream] for stream in written[0]]
    return hashlib.sha256(latents(name, strings, tuple(written[1])).tobytes()).hexdigest()


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_tokens_come_back_for_any_batch_and_alone(batch):
    codec = api.load("tokenizer")
    latent, tokens = codec.latent_codec, codec.tokenize(windows(64), quality=50)[:, 0]
    string = latent.encode(tokens)
    for start in range(0, 64, batch):
        rows = slice(start, min(start + batch, 64))
        some = tokens[rows]
        assert torch.equal(latent.decode(latent.encode(some), tuple(some.shape)), some)
        assert torch.equal(latent.decode(string, tuple(tokens.shape), rows), some)


def test_processes_of_one_and_two_threads_read_the_same_integers(tmp_path):
    written = {}
    for name in WITH_LATENTS:
        with torch.no_grad():
            out = api.load(name).compress(windows(9), quality=60)
        written[name] = [[[s.hex() for s in stream] for stream in out.strings], list(out.shape)]
    (tmp_path / "written.json").write_text(json.dumps(written))
    code = (
        "import json, sys, torch, tests.models.series.test_exact as t\ntorch.set_num_threads(int(sys.argv[2]))\n"
        "print(json.dumps({n: t.digest(n, w) for n, w in json.load(open(sys.argv[1])).items()}))"
    )
    here = {name: digest(name, of) for name, of in written.items()}
    for threads in ("1", "2"):
        arguments = [sys.executable, "-c", code, str(tmp_path / "written.json"), threads]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=REPOSITORY)
        assert json.loads(done.stdout) == here


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("chunk", [1024, 3000, None])
def test_rows_are_those_of_the_whole_for_any_chunks_and_threads(name, chunk):
    codec, x = api.load(name), waves(3000, 2, seed=4)
    files = {container.pack(codec.pack(Signal("series", x), quality=50, chunk=chunk, threads=n)) for n in (1, 2)}
    data = files.pop()
    assert not files
    whole = codec.unpack(container.unpack(data), threads=1).samples
    again = codec.unpack(container.unpack(data), threads=2).samples
    rows = api.open(data).read(1000, 1300)
    if name in WITHOUT_NETWORKS:
        np.testing.assert_array_equal(again, whole)
        np.testing.assert_array_equal(rows, whole[1000:1300])
    np.testing.assert_allclose(again, whole, atol=1e-5)
    np.testing.assert_allclose(rows, whole[1000:1300], atol=1e-5)
