# SPDX-License-Identifier: Apache-2.0
"""jpeg-like: JPEG's own numbers for a picture, every table and subsampling in one file format, coarse to fine."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.models.image.scenes import scene
from tinify import api, container
from tinify.container import jpeg_markers
from tinify.errors import ConfigError, FormatError, InputError, TinifyError
from tinify.media import jpeg
from tinify.models.image.jpeg_like import JpegLike
from tinify.signal import Signal


@pytest.fixture(scope="module")
def codec():
    return api.load("jpeg-like")


def tensor(samples):
    return torch.from_numpy(samples).permute(2, 0, 1)[None] / 255


def psnr(a, b):
    return float(-10 * torch.log10((a - b).square().mean()))


def like(codec, **options):
    """Another codec with the weights of the zoo's."""
    other = JpegLike(**options)
    other.load_state_dict(codec.state_dict())
    other.name = "jpeg-like"
    return other.eval()


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_coefficients_are_those_of_a_jpeg_encoder(codec, subsampling):
    pytest.importorskip("jpeglib", reason="jpeglib is not installed")
    samples, file = scene(48, 64), io.BytesIO()
    Image.fromarray(samples).save(file, "JPEG", quality=60, subsampling=subsampling)
    parts = jpeg.split(file.getvalue())
    subject = like(codec, subsampling=subsampling)
    planes, steps = subject.coefficients(tensor(samples)[0], subject.level_of(60))
    markers = jpeg_markers.parse(parts.skeleton, skeleton=True)
    for q, step, block, component in zip(planes, steps, parts.blocks, [0, 1, 1], strict=True):
        assert step.tolist() == [markers.steps[component][k] for k in jpeg_markers.ZIGZAG]
        theirs = block.transpose(2, 0, 1)[list(jpeg_markers.ZIGZAG)]
        assert (q == theirs).mean() > 0.97 and np.abs(q - theirs).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (17, 9), (50, 120)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_files_of_every_shape_come_back(codec, size, channels):
    samples = np.concatenate([scene(*size), scene(*size)[..., :1]], 2)[
        ..., [[0], [0, 3], [0, 1, 2], [0, 1, 2, 3]][channels - 1]
    ]
    found = api.decompress(api.compress(samples, codec=codec, quality=90), codec)
    assert found.shape == samples.shape
    assert np.abs(found.astype(int) - samples).mean() < 8


@pytest.mark.parametrize(
    "options", [{}, {"subsampling": "4:4:4"}, {"table": "flat", "subsampling": "4:4:4", "threshold": 0.64}], ids=str
)
def test_files_of_every_variant_are_read_by_the_same_codec(codec, options):
    samples = scene()
    file = like(codec, **options).pack(Signal("image", samples), quality=70)
    assert np.abs(codec.unpack(file).samples.astype(int) - samples).mean() < 4


def test_own_tables_are_used_and_asked_for(codec):
    table = [[12 + k // 4 for k in range(64)]] * 3
    subject = JpegLike(table, subsampling="4:4:4")
    steps = subject.coefficients(tensor(scene())[0], subject.level_of(50))[1]
    assert sorted(steps[2].tolist()) == table[2]
    subject.load_state_dict({**codec.state_dict(), "own": subject.own})
    file = subject.pack(Signal("image", scene()), quality=60)
    assert np.abs(subject.unpack(file).samples.astype(int) - scene()).mean() < 4
    with pytest.raises(FormatError, match="own tables"):
        codec.unpack(file)


def test_more_quality_is_more_bytes_and_a_better_picture(codec):
    x, found = tensor(scene()), []
    for quality in (0, 5, 20, 50, 80, 95, 100):
        out = codec.compress(x, codec.level_of(quality))
        x_hat = codec.decompress(out.strings, out.shape, codec.level_of(quality)).x_hat
        found.append((sum(len(s[0]) for s in out.strings), psnr(x, x_hat)))
    assert found == sorted(found) and found[-1][1] > 33


def test_the_first_streams_give_a_coarser_picture(codec):
    x, level = tensor(scene(200, 240)), codec.level_of(80)
    out = codec.compress(x, level)
    found = [psnr(x, codec.decompress(out.strings[:k], out.shape, level).x_hat) for k in range(1, 5)]
    assert found == sorted(found) and found[0] > 15 and found[-1] > found[0] + 6


@pytest.mark.parametrize(("scale", "streams"), [(2, 3), (4, 2), (8, 1)])
def test_a_file_that_is_cut_off_gives_a_small_picture(codec, scale, streams):
    samples = scene(101, 131)
    data = api.compress(samples, codec=codec, quality=90)
    payload = container.unpack(data).require(container.PAYLOAD)
    dropped = sum(len(s) for (s,) in container.unpack_first_strings(payload)[streams:])
    small = api.decompress(data[: len(data) - 4 - dropped], codec, scale=scale)
    assert np.array_equal(small, api.decompress(data, codec, scale=scale))
    wanted = np.asarray(Image.fromarray(samples).reduce(scale)).astype(int)
    assert small.shape == wanted.shape and np.abs(small - wanted).mean() < 4


def test_a_batch_is_its_pictures(codec):
    x = torch.cat([tensor(scene(seed=s)) for s in range(2)])
    level = codec.level_of(40)
    out = codec.compress(x, level)
    assert [s[1] for s in out.strings] == [s[0] for s in codec.compress(x[1:], level).strings]
    assert codec.decompress(out.strings, out.shape, level).x_hat.shape == x.shape
    assert codec(x, level).x_hat.shape == x.shape


def test_it_needs_fewer_bytes_than_jpeg(codec):
    samples, file = scene(256, 384), io.BytesIO()
    Image.fromarray(samples).save(file, "JPEG", quality=75, optimize=True)
    assert len(api.compress(samples, codec=codec, quality=75)) < 0.85 * len(file.getvalue())


@pytest.mark.parametrize("options", [{"table": "annex-l"}, {"subsampling": "4:2:2"}, {"table": [[9] * 64] * 2}])
def test_unknown_tables_and_subsamplings_are_config_errors(options):
    with pytest.raises(ConfigError, match="allowed"):
        JpegLike(**options)


@pytest.mark.parametrize("quality", [-1, 101])
def test_qualities_beyond_0_to_100_are_input_errors(codec, quality):
    with pytest.raises(InputError, match="quality"):
        codec.level_of(quality)


@pytest.mark.parametrize("level", [0.0, 101.0, 50 + 9 / 256, 50 + 4 / 256])
def test_levels_that_no_file_has_are_format_errors(codec, level):
    strings = codec.compress(tensor(scene(8, 8))).strings
    with pytest.raises(FormatError, match=r"level|own tables"):
        codec.decompress(strings, (8, 8), level)


def test_damaged_payloads_are_typed_errors(codec):
    file, random = codec.pack(Signal("image", scene(40, 40)), quality=50), np.random.default_rng(3)
    payload = file.require(container.PAYLOAD)
    for _ in range(40):
        damaged = bytearray(payload)
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        sections = (container.Section(container.PAYLOAD, bytes(damaged)),)
        broken = container.TnfFile("image", file.codec, file.fingerprint, file.shape, "uint8", file.params, sections)
        try:
            codec.unpack(broken)
        except TinifyError as error:
            assert isinstance(error, FormatError)
