# SPDX-License-Identifier: Apache-2.0
import copy
import dataclasses

import numpy as np
import pytest
from conftest import SIZES, waves

import tinify
from tinify import container, registry
from tinify.errors import ConfigError, FormatError, TinifyError
from tinify.signal import Signal
from tinify.testing import check_codec

PORTABLE = {"bmshj2018-factorized", "bmshj2018-factorized-relu"}


@pytest.mark.parametrize("name", SIZES)
def test_a_file_comes_back_and_says_what_it_needs(codec_named, picture, name):
    codec = codec_named(name)
    data = tinify.compress(picture, codec=codec)
    restored = tinify.decompress(data, codec=codec)
    assert restored.shape == picture.shape and restored.dtype == picture.dtype
    found = container.inspect(data)
    assert found["codec"] == f"compressai-{name}"
    (needs,) = [section for section in found["sections"] if section["name"] == "requirements"]
    assert [line.split()[0] for line in needs["distributions"]] == ["compressai", "tinify-compressai"]
    assert container.is_portable(data) == (name in PORTABLE)


@pytest.mark.parametrize("name", SIZES)
def test_a_file_gives_what_the_model_gives(codec_named, picture, name):
    import torch

    codec = codec_named(name)
    restored = tinify.decompress(tinify.compress(picture, codec=codec, quality=50), codec=codec)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    rate = codec.rate_at(codec.level_of(50))
    with torch.no_grad():
        out = codec.model.compress(x, **rate)
        x_hat = codec.model.decompress(out["strings"], out["shape"], **rate)["x_hat"]
    expected = (x_hat[0].permute(1, 2, 0).clamp(0, 1) * 255).round().numpy()
    assert np.abs(restored - expected).max() <= 1
    assert sum(len(string) for stream in out["strings"] for string in stream) > 100


@pytest.mark.parametrize("name", ["bmshj2018-factorized", "mbt2018-mean", "elic2022-official", "mbt2018-mean-vbr"])
def test_the_codec_keeps_the_contract(codec_named, name):
    samples = waves(40, 70)
    check_codec(codec_named(name), Signal("image", samples, {"exif": b"abc"}), qualities=(None, 100))


def test_a_raster_scan_keeps_the_contract(codec_named):
    check_codec(codec_named("mbt2018"), Signal("image", waves(40, 60)), qualities=(None,))


def test_grey_alpha_and_16_bits_come_back(codec_named):
    codec = codec_named("mbt2018-mean")
    for samples in (waves(30, 40)[:, :, :1], np.concatenate([waves(30, 40), waves(30, 40)[:, :, :1]], axis=2),
                    waves(30, 40).astype(np.uint16) * 257):  # fmt: skip
        restored = tinify.decompress(tinify.compress(samples, codec=codec), codec=codec)
        assert restored.shape == samples.shape and restored.dtype == samples.dtype


def test_tiles_come_back_one_by_one(codec_named):
    codec, picture = codec_named("mbt2018-mean"), waves(150, 200)
    data = tinify.compress(picture, codec=codec, tile=64)
    assert container.is_portable(data) is False
    part = tinify.decompress(data, codec=codec, region=(70, 80, 30, 40))
    assert np.array_equal(part, tinify.decompress(data, codec=codec)[70:100, 80:120])


def test_variable_rate_gives_larger_files_for_more_quality(codec_named, picture):
    codec = codec_named("mbt2018-mean-vbr")
    sizes = [len(tinify.compress(picture, codec=codec, quality=quality)) for quality in (0, 30, 100)]
    assert sizes[0] < sizes[1] < sizes[2]


def test_a_variable_bottleneck_has_files():
    codec = registry.build("codec", "compressai-bmshj2018-hyperprior-vbr", N=8, M=12, vr_entbttlnck=True)
    picture = waves(64, 64)
    for quality in (0, 60):
        data = tinify.compress(picture, codec=codec, quality=quality)
        assert tinify.decompress(data, codec=codec).shape == picture.shape


@pytest.mark.parametrize("name", ["mbt2018-mean", "mbt2018"])
def test_a_copy_is_the_same_codec_and_as_safe(codec_named, name):
    codec, picture = copy.deepcopy(codec_named(name)), waves(64, 64)
    data = tinify.compress(picture, codec=codec)
    assert data == tinify.compress(picture, codec=codec_named(name))
    file = container.unpack(data)
    sections = tuple(container.Section(s.kind, s.data[: len(s.data) // 2]) for s in file.sections)
    with pytest.raises(FormatError):
        codec.unpack(dataclasses.replace(file, sections=sections))


def test_it_trains_as_any_codec_of_tinify():
    import torch

    torch.manual_seed(0)
    codec = registry.build("codec", "compressai-mbt2018-mean", N=4, M=6).train()
    loss = registry.build("loss", "rate-distortion", lmbda=0.01)
    x = torch.rand(1, 3, 64, 64)
    loss(codec(x), x)["loss"].backward()
    codec.aux_loss().backward()
    assert all(p.grad is not None for p in codec.parameters())


@pytest.mark.parametrize("name", ["mbt2018-mean", "mbt2018", "cheng2020-anchor-checkerboard"])
def test_damaged_streams_are_errors(codec_named, name):
    codec = codec_named(name)
    file = codec.pack(Signal("image", waves(64, 64)))
    payload = file.require(container.PAYLOAD)
    third = len(payload) // 3
    flipped = payload[:third] + bytes([payload[third] ^ 16]) + payload[third + 1 :]
    for damaged in (flipped, payload + bytes(4), payload[:-4]):
        with pytest.raises(FormatError):
            codec.unpack(dataclasses.replace(file, sections=(container.Section(container.PAYLOAD, damaged),)))


def test_streams_of_another_coder_are_refused(codec_named, picture):
    codec = codec_named("mbt2018-mean")
    file = codec.pack(Signal("image", picture))
    other = dataclasses.replace(file, params=file.params[:2] + b"\x80")
    with pytest.raises(FormatError, match="rans32"):
        codec.unpack(other)


def test_an_argument_that_is_wrong_is_named(codec_named):
    with pytest.raises(ConfigError, match="unknown argument 'channels'"):
        registry.build("codec", "compressai-mbt2018-mean", channels=3)
    with pytest.raises(TinifyError, match="elic2022-official"):
        registry.build("codec", "compressai-elic2022-official", N=8, M=12, groups=[4, 4])


def test_a_model_of_compressai_becomes_a_codec(picture):
    import tinify_compressai
    from compressai.models import MeanScaleHyperprior

    model = MeanScaleHyperprior(8, 12)
    codec = tinify_compressai.codec_of(model)
    assert codec.model is model and codec.name == "compressai-mbt2018-mean"
    assert tinify.decompress(tinify.compress(picture, codec=codec), codec=codec).shape == picture.shape
