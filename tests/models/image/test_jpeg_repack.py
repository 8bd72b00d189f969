# SPDX-License-Identifier: Apache-2.0
"""JPEG files within .tnf files: the same bytes come back, and the picture that Pillow sees."""

import io
import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.models.image.scenes import scene
from tinify import api, container
from tinify.errors import FormatError, InputError, LimitError, TinifyError
from tinify.media import image, jpeg
from tinify.models.image.jpeg_repack import JPEG, pack_jpeg, unpack_jpeg
from tinify.models.image.jpeg_skeleton import pack_skeleton, unpack_skeleton

pytest.importorskip("jpeglib", reason="jpeglib is not installed")
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def codec():
    return api.load("jpeg-like")


def encoded(mode="RGB", size=(61, 83), **options) -> bytes:
    file = io.BytesIO()
    Image.fromarray(scene(*size)).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


def packed(codec, data) -> container.TnfFile:
    parts = jpeg.split(data)
    return container.unpack(container.pack(pack_jpeg(codec, parts.skeleton, parts.blocks, parts.details)))


KINDS = {
    "4:2:0": {}, "4:2:2": {"subsampling": "4:2:2"}, "4:4:4": {"subsampling": "4:4:4", "quality": 95},
    "progressive": {"progressive": True, "quality": 30}, "optimized": {"optimize": True},
    "restarts": {"restart_marker_blocks": 2}, "grey": {"mode": "L"}, "CMYK": {"mode": "CMYK"},
    "kept RGB": {"keep_rgb": True}, "flat tables": {"qtables": [[7] * 64, [9] * 64]},
    "wild tables": {"qtables": [list(range(1, 65)), [255 - k for k in range(64)]]},
    "a pixel": {"size": (1, 1)}, "a row": {"size": (1, 40)},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_and_its_picture_come_back(codec, kind):
    data = encoded(**KINDS[kind])
    file = packed(codec, data)
    assert jpeg.join(jpeg.JpegParts(*unpack_jpeg(codec, file))) == data
    found, wanted = codec.unpack(file).samples.astype(int), image.read(data).samples
    assert found.shape == wanted.shape == file.shape
    assert np.abs(found - wanted).mean() < 0.7 and np.abs(found - wanted).max() < 24


def test_a_jpeg_becomes_smaller_whatever_its_tables(codec):
    for options in ({"quality": 75}, {"qtables": [[12] * 64]}, {"quality": 90, "subsampling": "4:4:4"}):
        data = encoded(size=(240, 320), optimize=True, **options)
        assert len(container.pack(packed(codec, data))) < 0.88 * len(data)


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("kind", ["4:2:0", "4:2:2", "grey"])
def test_a_small_picture_comes_out(codec, scale, kind):
    data = encoded(**KINDS[kind])
    found = codec.unpack(packed(codec, data), scale=scale).samples
    wanted = np.asarray(Image.open(io.BytesIO(data)).reduce(scale))
    assert found.shape[:2] == wanted.shape[:2]
    assert np.abs(found.squeeze() - wanted.astype(int)).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_picture_is_upright(codec, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(exif=exif)
    file = packed(codec, data)
    assert np.abs(codec.unpack(file).samples.astype(int) - image.read(data).samples).mean() < 0.6
    assert file.shape == image.read(data).samples.shape


def test_the_profile_comes_with_the_picture(codec):
    assert codec.unpack(packed(codec, encoded(icc_profile=PROFILE))).metadata == {"icc": PROFILE}


def test_blocks_that_fill_up_mcus_are_coded_where_they_are_of_their_own(codec):
    parts = jpeg.split(encoded(size=(9, 17)))
    markers = jpeg.parse(parts.skeleton, skeleton=True)
    full = [jpeg._filled(b, c) for b, c in zip(parts.blocks, markers.frame.components, strict=True)]
    full[0][:, 3:, 1] = 3
    data = jpeg._written(parts.skeleton, markers, full, 1, 10_000)
    file = packed(codec, data)
    assert file.params == b"\1" and jpeg.join(jpeg.JpegParts(*unpack_jpeg(codec, file))) == data
    assert codec.unpack(file).samples.shape == (9, 17, 3)


def test_steps_of_zero_are_input_errors(codec):
    data = bytearray(encoded())
    data[data.index(b"\xff\xdb") + 5] = 0
    parts = jpeg.split(bytes(data))
    with pytest.raises(InputError, match="steps of 0"):
        pack_jpeg(codec, parts.skeleton, parts.blocks, parts.details)


@pytest.mark.parametrize("scale", [0, 3, 16])
def test_other_scales_are_input_errors(codec, scale):
    with pytest.raises(InputError, match="scale"):
        codec.unpack(packed(codec, encoded()), scale=scale)


@pytest.mark.parametrize("change", [{"shape": (83, 61, 3)}, {"shape": (61, 83, 1)}, {"params": b"\2"}, {"params": b""},
                                    {"dtype": "uint16"}], ids=str)  # fmt: skip
def test_a_head_that_does_not_fit_is_a_format_error(codec, change):
    file = replace(packed(codec, encoded()), **change)
    for work in (codec.unpack, lambda f: unpack_jpeg(codec, f)):
        with pytest.raises(FormatError):
            work(file)


def test_damaged_sections_are_typed_errors(codec):
    file, rng = packed(codec, encoded(size=(40, 40))), random.Random(5)
    for number in [0, 1] * 40:
        damaged = bytearray(file.sections[number].data)
        if rng.random() < 0.2:
            del damaged[rng.randrange(len(damaged)) :]
        else:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        sections = list(file.sections)
        sections[number] = container.Section(sections[number].kind, bytes(damaged))
        broken = replace(file, sections=tuple(sections))
        for work in (codec.unpack, lambda f: jpeg.join(jpeg.JpegParts(*unpack_jpeg(codec, f)))):
            try:
                work(broken)
            except TinifyError as error:
                assert isinstance(error, FormatError)


def test_damaged_skeletons_are_typed_errors(codec):
    """What the section's own check would refuse, made to fit it."""
    data, rng = encoded(size=(40, 40)), random.Random(6)
    file, parts = packed(codec, data), jpeg.split(data)
    for _ in range(120):
        damaged = bytearray(parts.skeleton)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        sections = (container.Section(JPEG, pack_skeleton(bytes(damaged), parts.details)), file.sections[1])
        broken = replace(file, sections=sections)
        for work in (codec.unpack, lambda f: jpeg.join(jpeg.JpegParts(*unpack_jpeg(codec, f)))):
            try:
                work(broken)
            except TinifyError as error:
                assert isinstance(error, FormatError)


@pytest.mark.parametrize("quality", [10, 50, 75, 100])
def test_the_usual_headers_cost_next_to_nothing(quality):
    parts = jpeg.split(encoded(quality=quality))
    assert len(pack_skeleton(parts.skeleton, parts.details)) < 50 < len(parts.skeleton)


@pytest.mark.parametrize("data", [b"", b"x" * 9, bytes(70_000), np.random.default_rng(0).bytes(5000)])
def test_any_skeleton_comes_back(data):
    assert unpack_skeleton(pack_skeleton(data, b"details")) == (data, b"details")


def test_sections_that_are_no_skeleton_are_typed_errors():
    good = pack_skeleton(b"skeleton" * 900, b"details")
    for bad in (b"", b"\1", b"\7" + good[1:], good[:-3], good + b"x", b"\1\xff\xff\xff\xff\x0f", b"\2\5abc"):
        with pytest.raises(FormatError):
            unpack_skeleton(bad)
    with pytest.raises(LimitError):
        unpack_skeleton(b"\1" + b"\xff\xff\xff\x7f" + b"abc")
