# SPDX-License-Identifier: Apache-2.0
"""Hostile files against whole codecs: a typed error or an answer of the declared shape; no crash, no hang, no flood.

`tests/container` attacks the layout; here the forgeries carry right check sums, so that they reach the codecs.
"""

import dataclasses
import random
import resource

import numpy as np
import pytest
import torch

import tinify
from tinify import container
from tinify.errors import TinifyError
from tinify.models.image import FactorizedPrior, MeanScaleHyperprior
from tinify.models.series import Tokenizer

MUTATIONS = 700  # for each codec


def image_codec(model) -> torch.nn.Module:
    with torch.no_grad():
        model.g_a[-1].weight.mul_(30)  # random weights alone give an all-zero latent, and nothing to attack
    return model


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (70, 90, 4), dtype=np.uint8)


def series() -> np.ndarray:
    x = np.cumsum(np.random.default_rng(0).normal(size=(700, 3)), axis=0)
    x[5:9, 1], x[:, 2] = np.nan, 4.0
    return x


@pytest.fixture(
    scope="module", params=["bmshj2018-factorized", "mbt2018-mean", "tokenizer", "photo-fast", "jpeg2000-like"]
)
def attacked(request):
    torch.manual_seed(0)
    if request.param in ("photo-fast", "jpeg2000-like"):
        codec = tinify.load(request.param)
        return codec, tinify.compress(picture(), codec=codec, quality=40)
    if request.param == "tokenizer":
        codec, samples = Tokenizer(patch=8, stages=3, codebook_size=16, width=8), series()
    else:
        model = {"bmshj2018-factorized": FactorizedPrior, "mbt2018-mean": MeanScaleHyperprior}[request.param]
        codec, samples = image_codec(model(8, 12, gain_levels=3)), picture()
    codec.name = "attacked"
    return codec, tinify.compress(samples, codec=codec, quality=80)


def outcome(data: bytes, codec) -> np.ndarray | TinifyError:
    try:
        return tinify.decompress(data, codec)
    except TinifyError as error:
        assert str(error)
        return error


def test_damaged_bytes_are_a_typed_error(attacked):
    codec, data = attacked
    draw = random.Random(1)
    for _ in range(MUTATIONS):
        broken = bytearray(data)
        how = draw.randrange(4)
        if how == 0:
            broken[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        elif how == 1:
            del broken[draw.randrange(len(data)) :]
        elif how == 2:
            start = draw.randrange(len(data))
            del broken[start : start + draw.randrange(1, 40)]
        else:
            a, b = sorted(draw.sample(range(len(data)), 2))
            broken[a:b] = draw.randbytes(b - a)
        if bytes(broken) != data:
            assert isinstance(outcome(bytes(broken), codec), TinifyError)


def forged(file: container.TnfFile, draw: random.Random) -> container.TnfFile:
    """The file with one thing changed, to be packed again with right check sums."""
    sections = list(file.sections)
    chosen = draw.randrange(len(sections))
    section, how = sections[chosen], draw.randrange(7)
    content = bytearray(section.data)
    if how == 0 and content:
        content[draw.randrange(len(content))] = draw.randrange(256)
    elif how == 1:
        del content[draw.randrange(len(content) + 1) :]
    elif how == 2:
        content += draw.randbytes(draw.randrange(1, 30))
    elif how == 3:
        draw.shuffle(sections)
        return dataclasses.replace(file, sections=tuple(sections))
    elif how == 4:
        shape = tuple(draw.choice((0, 1, size - 1, size + 1, 10 * size, 400 * size)) for size in file.shape[:2])
        return dataclasses.replace(file, shape=shape + file.shape[2:])
    elif how == 5:
        params = draw.randbytes(draw.choice((0, len(file.params), len(file.params), 40)))
        return dataclasses.replace(file, params=params)
    else:
        return dataclasses.replace(file, dtype=draw.choice(("uint8", "float32", "int64", "bool")))
    sections[chosen] = dataclasses.replace(section, data=bytes(content))
    return dataclasses.replace(file, sections=tuple(sections))


def test_forgeries_with_right_check_sums_are_refused_or_give_what_they_declare(attacked):
    codec, data = attacked
    draw, refused = random.Random(2), 0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(MUTATIONS):
        file = forged(container.unpack(data), draw)
        try:
            broken = container.pack(file)
        except TinifyError:
            continue
        result = outcome(broken, codec)
        refused += isinstance(result, TinifyError)
        if not isinstance(result, TinifyError):
            assert result.shape == file.shape and result.dtype == file.dtype
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert refused > MUTATIONS / 4
    assert grown_mib < 1500


def test_no_flipped_bit_of_the_payload_gives_another_picture_even_with_right_check_sums(attacked):
    codec, data = attacked
    file, right = container.unpack(data), tinify.decompress(data, codec)
    payload = file.require(container.PAYLOAD)
    for position in range(0, len(payload), max(1, len(payload) // 150)):
        broken = bytearray(payload)
        broken[position] ^= 1 << position % 8
        sections = [
            dataclasses.replace(s, data=bytes(broken)) if s.kind == container.PAYLOAD else s for s in file.sections
        ]
        result = outcome(container.pack(dataclasses.replace(file, sections=tuple(sections))), codec)
        assert isinstance(result, TinifyError) or np.array_equal(result, right, equal_nan=result.dtype.kind == "f")
