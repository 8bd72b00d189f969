# SPDX-License-Identifier: Apache-2.0
import dataclasses

import numpy as np
import pytest
import torch
from conftest import waves

import tinify
from tinify import registry
from tinify.errors import ConfigError, FormatError, InputError
from tinify.signal import Signal
from tinify.testing import check_codec


@pytest.fixture(scope="module")
def video_codec():
    torch.manual_seed(0)
    return registry.build("codec", "compressai-ssf2020")


def test_a_video_comes_back_as_the_model_gives_it(video_codec):
    frames = np.stack([waves(40, 60), waves(40, 60)[::-1]])
    data = tinify.compress(frames, codec=video_codec)
    restored = tinify.decompress(data, codec=video_codec)
    assert restored.shape == frames.shape and restored.dtype == np.uint8
    x = torch.nn.functional.pad(torch.from_numpy(frames.copy()).permute(0, 3, 1, 2).float() / 255, (0, 68, 0, 88))
    with torch.no_grad():
        expected = torch.cat(video_codec.model([frame[None] for frame in x])["x_hat"])[:, :, :40, :60]
    off = np.abs(restored - (expected.clamp(0, 1) * 255).round().permute(0, 2, 3, 1).numpy())
    assert off.max() <= 1


def test_a_damaged_video_is_an_error(video_codec):
    file = video_codec.pack(Signal("video", waves(20, 20)[None]))
    (payload,) = file.sections
    damaged = tinify.container.Section(payload.kind, payload.data[:-5])
    with pytest.raises(FormatError):
        video_codec.unpack(dataclasses.replace(file, sections=(damaged,)))


@pytest.mark.parametrize("name", ["sfu2023-pcc-rec-pointnet", "sfu2024-pcc-rec-pointnet2-ssg"])
def test_a_codec_of_points_keeps_the_contract(name):
    torch.manual_seed(0)
    codec = registry.build("codec", f"compressai-{name}", num_points=256)
    points = np.random.default_rng(0).normal(size=(256, 3)).astype(np.float32)
    check_codec(codec, Signal("pointcloud", points, {"note": b"abc"}), qualities=(None,))


def test_points_are_those_of_the_model():
    torch.manual_seed(0)
    codec = registry.build("codec", "compressai-sfu2023-pcc-rec-pointnet", num_points=64)
    points = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    restored = tinify.decompress(tinify.compress(points, codec=codec), codec=codec)
    with torch.no_grad():
        expected = codec({"pos": torch.from_numpy(points)[None]})["x_hat"][0]
    np.testing.assert_allclose(restored, expected.numpy(), atol=1e-5)


def test_another_number_of_points_is_refused_with_what_is_allowed():
    codec = registry.build("codec", "compressai-sfu2023-pcc-rec-pointnet", num_points=64)
    with pytest.raises(InputError, match=r"takes \(64, 3\)"):
        tinify.compress(np.zeros((65, 3), np.float32), codec=codec)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_the_model_that_needs_cuda_says_so():
    with pytest.raises(ConfigError, match="CUDA"):
        registry.build("codec", "compressai-hrtzxf2022-pcc-rec")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="CompressAI builds this model on CUDA alone")
def test_the_model_without_files_says_why():
    codec = registry.build("codec", "compressai-hrtzxf2022-pcc-rec")
    assert codec.state_dict()
    with pytest.raises(InputError, match="draws random points"):
        tinify.compress(np.zeros((64, 3), np.float32), codec=codec)
