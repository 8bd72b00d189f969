# SPDX-License-Identifier: Apache-2.0
"""A picture file of the zoo is the same integers and the same samples for any number of threads, memory layout, batch,
instruction set and process; and whatever is damaged is noticed.

Networks and other transforms of torch make samples of the integers in floats: these may differ by 1 where instructions
do. Those of wavelets do not.
"""

import hashlib
import json
import os
import subprocess
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch

from tests.models.image.grid import threads
from tests.models.image.scenes import scene
from tinify import _core, api, container, zoo
from tinify.entropy_models.base import EntropyModel
from tinify.errors import TinifyError
from tinify.models.image.jpeg_like import JpegLike
from tinify.models.image.wavelet import WaveletCodec
from tinify.signal import Signal

REPOSITORY = Path(__file__).resolve().parents[3]
CODECS = [name for name in zoo.names() if api.load(name).modality == "image"]
LOSSLESS = [name for name in CODECS if api.load(name).has_lossless]
WAVELETS = [name for name in CODECS if isinstance(api.load(name), WaveletCodec)]
WITHOUT_NETWORKS = [name for name in WAVELETS if getattr(api.load(name), "restoration", None) is None]
INSTRUCTIONS = ("scalar", "avx2", "avx512")
SAMPLES = scene(101, 130)


@contextmanager
def instructions(name: str):
    """Of transforms and of coders; False where this processor has none of them."""
    before = _core.transform_simd(), _core.simd()
    try:
        yield _core.use_transform_simd(name) and _core.use_simd(name)
    finally:
        _core.use_transform_simd(before[0])
        _core.use_simd(before[1])


@contextmanager
def symbols_of(codec):
    """The integers that are decoded meanwhile, of one picture after another, or of all at once."""
    kept = []
    at = codec if isinstance(codec, WaveletCodec) else codec.planes if isinstance(codec, JpegLike) else EntropyModel
    decode = at.decode

    def noted(*args, **kwargs):
        found = decode(*args, **kwargs)
        kept.append(np.concatenate([np.ravel(part) for part in found]) if isinstance(found, list) else found + 0)
        return found

    with mock.patch.object(at, "decode", noted):
        yield kept


def digest(values: list[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(value).tobytes() for value in values)).hexdigest()


def decoded(name: str, data: bytes) -> tuple[str, np.ndarray]:
    """Digest of the integers, and the picture."""
    codec = api.load(name)
    with symbols_of(codec) as kept:
        samples = api.decompress(data)
    assert kept
    return digest(kept), samples


def same(name: str, samples: np.ndarray, expected: np.ndarray, rounding: bool = False) -> bool:
    most = 1 if rounding and name not in WITHOUT_NETWORKS else 0
    return int(np.abs(samples.astype(int) - expected).max()) <= most


@pytest.fixture(scope="module", params=CODECS)
def written(request):
    data = api.compress(SAMPLES, codec=request.param, quality=45)
    return request.param, data, *decoded(request.param, data)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("simd", INSTRUCTIONS)
def test_threads_and_instructions_decode_the_same(written, count, simd):
    name, data, symbols, samples = written
    with threads(count), instructions(simd) as there:
        if not there:
            pytest.skip(f"this processor has no {simd}")
        again, restored = decoded(name, data)
    assert again == symbols
    assert same(name, restored, samples, rounding=True)


@pytest.mark.parametrize("name", WAVELETS)
@pytest.mark.parametrize("options", [{"quality": 45}, {"lossless": True}, {"max_error": 2}], ids=str)
def test_threads_and_instructions_write_the_same_files(name, options):
    files = set()
    for simd in INSTRUCTIONS:
        for count in (1, 2):
            with threads(count), instructions(simd):
                files.add(api.compress(SAMPLES, codec=name, **options))
    assert len(files) == 1


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("layout", ["contiguous", "channels last", "columns", "reversed"])
def test_layouts_of_memory_write_the_same_file(name, layout):
    samples = {"contiguous": SAMPLES, "channels last": SAMPLES.transpose(2, 0, 1).copy().transpose(1, 2, 0),
               "columns": np.asfortranarray(SAMPLES), "reversed": SAMPLES[::-1].copy()[::-1]}[layout]  # fmt: skip
    assert api.compress(samples, codec=name, quality=45) == api.compress(SAMPLES.copy(), codec=name, quality=45)


@torch.no_grad()
@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_picture_is_the_same_alone_and_in_a_batch(name, layout):
    codec = api.load(name).eval()
    factor = codec.downsampling_factor
    height, width = 128 // factor * factor, 128 // factor * factor
    pictures = [scene(height, width, seed) for seed in range(3)]
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div(255).contiguous(memory_format=layout)
    level = codec.level_of(45.0)
    out = codec.compress(x, level)
    with symbols_of(codec) as together:
        whole = codec.decompress(out.strings, out.shape, level).x_hat
    for number in range(3):
        string = [[stream[number]] for stream in out.strings]
        with symbols_of(codec) as alone:
            one = codec.decompress(string, out.shape, level).x_hat[0]
        one_by_one = isinstance(codec, WaveletCodec | JpegLike)
        among = together[number : number + 1] if one_by_one else [kept[number] for kept in together]
        assert digest(alone) == digest(among)
        samples, expected = ((255 * picture).round().numpy() for picture in (one, whole[number]))
        assert same(name, samples, expected, rounding=True)


def test_fresh_processes_decode_the_same(tmp_path):
    expected, paths = {}, {}
    for name in CODECS:
        for key, options in {"lossy": {"quality": 45}, "exact": {"lossless": True}}.items():
            if key == "lossy" or name in LOSSLESS:
                paths[f"{name} {key}"] = str(tmp_path / f"{name}-{key}.tnf")
                Path(paths[f"{name} {key}"]).write_bytes(api.compress(SAMPLES, codec=name, **options))
    code = (
        "import json, sys, torch, tests.models.image.test_exact as t\ntorch.set_num_threads(int(sys.argv[1]))\n"
        "print(json.dumps({k: t.summary(k, p) for k, p in json.loads(sys.argv[2]).items()}))"
    )
    expected = {key: summary(key, path) for key, path in paths.items()}
    for simd, count in (("scalar", "1"), ("avx2", "2"), ("avx512", "1")):
        arguments = [sys.executable, "-c", code, count, json.dumps(paths)]
        torchs = "default" if simd == "scalar" else simd
        environment = {**os.environ, "TINIFY_SIMD": simd, "ATEN_CPU_CAPABILITY": torchs}
        done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=REPOSITORY, env=environment)
        assert json.loads(done.stdout) == expected


def summary(key: str, path: str) -> list[str]:
    """Digests of the integers and, of a wavelet codec without a network, of the samples of a file."""
    name = key.split()[0]
    symbols, samples = decoded(name, Path(path).read_bytes())
    return [symbols, digest([samples]) if name in WITHOUT_NETWORKS else ""]


@pytest.mark.parametrize("name", LOSSLESS)
def test_without_loss_every_sample_comes_back(name):
    assert np.array_equal(api.decompress(api.compress(SAMPLES, codec=name, lossless=True)), SAMPLES)


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("lossless", [False, True])
def test_any_flipped_bit_and_any_cut_is_a_typed_error(name, lossless):
    if lossless and name not in LOSSLESS:
        pytest.skip(f"{name} keeps no samples")
    options = {"lossless": True} if lossless else {"quality": 40}
    data = api.compress(scene(20, 24), codec=name, **options)
    for position in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(TinifyError):
            api.decompress(bytes(damaged))
    for length in range(len(data)):
        with pytest.raises(TinifyError):
            api.decompress(data[:length])


@pytest.mark.parametrize("name", CODECS)
def test_a_flipped_bit_under_a_right_check_sum_is_noticed_by_the_stream_or_does_no_harm(name):
    data = api.compress(scene(48, 56), codec=name, quality=60)
    file, expected = container.unpack(data), api.decompress(data)
    begin = data.index(file.require(container.PAYLOAD)) + 4
    for position in range(begin, len(data) - 4, max(1, (len(data) - begin) // 60)):
        damaged = bytearray(data[:-4])
        damaged[position] ^= 1 << position % 8
        damaged += zlib.crc32(damaged).to_bytes(4, "little")
        try:
            found = api.decompress(bytes(damaged))
        except TinifyError:
            continue
        assert np.array_equal(found, expected)  # a bit that fills up a byte


@pytest.mark.parametrize("name", WAVELETS)
def test_ten_times_the_same_step_loses_next_to_nothing(name):
    codec = api.load(name)
    first = again = codec.unpack(codec.pack(Signal("image", SAMPLES), quality=50)).samples
    for _ in range(10):
        again = codec.unpack(codec.pack(Signal("image", again), quality=50)).samples
    assert psnr(SAMPLES, again) > psnr(SAMPLES, first) - 0.25


def psnr(x: np.ndarray, y: np.ndarray) -> float:
    return 10 * np.log10(255**2 / np.mean((x.astype(float) - y) ** 2))
