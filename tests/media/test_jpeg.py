# SPDX-License-Identifier: Apache-2.0
"""JPEG files taken apart and put together: the same bytes, whatever libjpeg was asked for; damage is a typed error."""

import importlib.util
import io
import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageCms

from tinify import _core
from tinify.container import jpeg_markers
from tinify.errors import FormatError, InputError, LimitError, TinifyError
from tinify.media import jpeg
from tinify.media.jpeg import join, split

needs_jpeglib = pytest.mark.skipif(importlib.util.find_spec("jpeglib") is None, reason="jpeglib is not installed")
KINDS = {
    "plain": {},
    "optimized": {"optimize": True},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_blocks": 3},
    "progressive with restarts": {"progressive": True, "restart_marker_rows": 1},
}


def picture(width: int = 45, height: int = 35, mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[:height, :width]
    waves = [90 * np.sin(x / a) + 60 * np.cos(y / b) + 127 for a, b in ((3, 9), (11, 4), (7, 7))]
    noise = np.random.default_rng(4).normal(0, 9, (height, width, 3))
    return Image.fromarray((np.stack(waves, 2) + noise).clip(0, 255).astype(np.uint8)).convert(mode)


def encoded(image: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **options)
    return file.getvalue()


def flags_of(parts: jpeg.JpegParts) -> int:
    return parts.details[jpeg.varint.get(parts.details, 0)[1] + 4]


@needs_jpeglib
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [15, 60, 95])
def test_files_come_back_byte_for_byte(kind, subsampling, quality):
    data = encoded(picture(), quality=quality, subsampling=subsampling, **KINDS[kind])
    assert join(split(data)) == data


@needs_jpeglib
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (8, 8), (16, 16), (9, 33)])
def test_every_size_and_colour_comes_back(kind, mode, size):
    data = encoded(picture(*size, mode), **KINDS[kind])
    assert join(split(data)) == data


@needs_jpeglib
def test_metadata_and_what_follows_the_picture_come_back():
    image, profile = picture(), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    data = encoded(image, exif=exif, icc_profile=profile, comment=b"a comment", dpi=(72, 72)) + b"\xff\xd8 more"
    assert join(split(data)) == data


@needs_jpeglib
def test_metadata_of_very_many_segments_does_no_harm():
    data = encoded(picture())
    data = data[:2] + b"\xff\xe5\x00\x03x" * 500 + data[2:]
    assert join(split(data)) == data


@needs_jpeglib
def test_blocks_that_fill_up_mcus_are_left_out_where_libjpeg_derives_them():
    parts = split(encoded(picture(17, 9), subsampling="4:2:0"))
    assert [block.shape for block in parts.blocks] == [(2, 3, 64), (1, 2, 64), (1, 2, 64)]
    assert flags_of(parts) == 1


@needs_jpeglib
def test_blocks_that_another_encoder_filled_up_with_come_back():
    """Luma blocks beyond the picture with AC of their own, as encoders write them that repeat the last samples."""
    parts = split(encoded(picture(17, 9), subsampling="4:2:0"))
    markers = jpeg_markers.parse(parts.skeleton, skeleton=True)
    full = [jpeg._filled(b, c) for b, c in zip(parts.blocks, markers.frame.components, strict=True)]
    full[0][:, 3:, :3] = [5, 0, -2]
    data = jpeg._written(parts.skeleton, markers, full, 1, 10_000)
    again = split(data)
    assert flags_of(again) == 3 and again.blocks[0].shape == (2, 4, 64)
    assert join(again) == data


@needs_jpeglib
def test_bits_that_fill_the_last_byte_may_be_zeros():
    parts = split(encoded(picture(), restart_marker_blocks=1))
    markers = jpeg_markers.parse(parts.skeleton, skeleton=True)
    full = [jpeg._filled(b, c) for b, c in zip(parts.blocks, markers.frame.components, strict=True)]
    data = jpeg._written(parts.skeleton, markers, full, 0, 100_000)
    assert flags_of(split(data)) == 0 and join(split(data)) == data


@needs_jpeglib
@pytest.mark.parametrize("extra", [b"\xff\xd0", b"\x00\x00\x00"], ids=["a restart marker", "zeros"])
def test_a_few_bytes_that_libjpeg_would_not_write_are_kept_as_corrections(extra):
    data = encoded(picture())
    data = data[:-2] + extra + data[-2:]
    parts = split(data)
    assert len(parts.details) < 20 and join(parts) == data


@needs_jpeglib
@pytest.mark.parametrize("kind", ["plain", "optimized", "restarts"])
def test_a_file_that_is_cut_off_comes_back_as_it_is(kind):
    data = encoded(picture(200, 200), quality=90, **KINDS[kind])
    data = data[: 2 * len(data) // 3]
    assert join(split(data)) == data


@needs_jpeglib
def test_data_that_no_encoder_writes_are_refused_with_the_place():
    data = bytearray(encoded(picture(200, 200), quality=90))
    noise = np.random.default_rng(1).integers(0, 255, len(data) // 2, dtype=np.uint8)
    data[len(data) // 4 : len(data) // 4 + len(noise)] = noise.tobytes()
    with pytest.raises(InputError, match=r"scan 1 .* from byte \d+ on.*tinify compress"):
        split(bytes(data))


@needs_jpeglib
def test_an_end_marker_that_is_missing_stays_missing():
    data = encoded(picture())[:-2]
    assert join(split(data)) == data


@pytest.mark.parametrize(
    ("marker", "what"),
    [(0xC9, "arithmetic"), (0xC3, "lossless frame"), (0xC5, "hierarchical"), (0xDC, "height behind")],
)
def test_kinds_of_jpeg_that_are_not_supported_are_named(marker, what):
    data = encoded(picture()).replace(b"\xff\xc0\x00\x11", bytes((0xFF, marker, 0, 0x11)))
    with pytest.raises(InputError, match=what):
        split(data)


def test_other_files_are_refused():
    for data in (b"", b"\x89PNG\r\n", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8 abc"):
        with pytest.raises(InputError):
            split(data)


@pytest.mark.parametrize(("place", "value", "what"), [(4, 12, "12 bits"), (9, 2, "2 components"), (6, 0, "height")])
def test_frames_that_are_not_supported_are_named(place, value, what):
    data = bytearray(encoded(picture()))
    data[data.index(b"\xff\xc0") + place] = value
    with pytest.raises(InputError, match=what):
        split(bytes(data))


@needs_jpeglib
def test_more_blocks_than_bits_are_refused_before_anything_is_allocated():
    data = bytearray(encoded(picture()))
    place = data.index(b"\xff\xc0") + 5
    for size, message in ((b"\xff\x00\xff\x00", "at most"), (b"\x08\x00\x08\x00", "coded bytes")):
        data[place : place + 4] = size
        with pytest.raises(LimitError, match=message):
            split(bytes(data))


def test_a_run_of_fill_bytes_is_searched_in_linear_time():
    data = encoded(picture())
    place = data.index(b"\xff\xda") + 14
    with pytest.raises(TinifyError):
        split(data[:place] + b"\xff" * 1_000_000 + b"\x00" + data[place:])


@needs_jpeglib
@pytest.mark.parametrize("kind", ["plain", "progressive with restarts"])
def test_damaged_files_are_kept_or_refused(kind):
    data, rng = encoded(picture(), **KINDS[kind]), random.Random(7)
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            damaged[rng.randrange(len(data))] = rng.randrange(256)
        del damaged[rng.randrange(len(data) // 2, 2 * len(data)) :]
        try:
            parts = split(bytes(damaged))
        except TinifyError:
            continue
        assert join(parts) == damaged


@needs_jpeglib
@pytest.mark.parametrize("kind", ["plain", "progressive with restarts"])
def test_damaged_parts_are_typed_errors(kind):
    parts, rng = split(encoded(picture(), **KINDS[kind])), random.Random(8)
    for name in ["skeleton"] * 150 + ["details"] * 30:
        damaged = bytearray(getattr(parts, name))
        if rng.random() < 0.2:
            del damaged[rng.randrange(len(damaged)) :]
        else:
            damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        try:
            join(replace(parts, **{name: bytes(damaged)}))
        except FormatError:
            continue
        assert name == "details"  # a flag without a meaning yet, at most; bytes are under a check sum


@needs_jpeglib
def test_blocks_of_another_size_or_with_other_numbers_are_typed_errors():
    parts = split(encoded(picture()))
    for change in (lambda b: b[:-1], lambda b: b + 30_000, lambda b: b * 0 + 1):
        with pytest.raises(FormatError):
            join(replace(parts, blocks=tuple(np.ascontiguousarray(change(block)) for block in parts.blocks)))


@needs_jpeglib
def test_more_blocks_than_the_file_has_bits_are_refused_before_they_are_written():
    parts = split(encoded(picture(200, 200)))
    details = jpeg.varint.put(9) + parts.details[jpeg.varint.get(parts.details, 0)[1] :]
    with pytest.raises(LimitError, match="in 9 bytes"):
        join(replace(parts, details=details))


def test_more_scans_than_any_encoder_writes_are_refused():
    data = encoded(picture())
    place = data.index(b"\xff\xda")
    with pytest.raises(LimitError, match="scans"):
        jpeg_markers.parse(data[:place] + 65 * data[place : place + 14], skeleton=True)


def scan(
    blocks=None, sizes=(2, 2, 1, 1), dc=None, ac=None, band=(0, 63, 0, 0), progressive=False, limit=1000, restart=0
):
    table = bytes([0, 1, *[0] * 14, 0]) if dc is None else dc
    blocks = np.zeros((2, 2, 64), np.int16) if blocks is None else blocks
    return _core.jpeg_scan(
        [blocks], [sizes], [table], [table if ac is None else ac], band, progressive, restart, True, limit
    )


def test_the_native_writer_writes_and_marks_restarts():
    assert scan() == b"\0\0"  # four blocks of DC difference 0 and end of block, two bits each
    assert scan(restart=2) == b"\x00\xff\xd0\x00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"sizes": (3, 2, 1, 1)}, {"sizes": (-1, 2, 1, 1)}, {"sizes": (2, 2, 0, 1)}, {"sizes": (2, 2, 5, 1)},
        {"band": (0, 64, 0, 0)}, {"band": (5, 1, 0, 0)}, {"band": (0, 63, 0, 99)}, {"band": (0, 5, 0, 0)},
        {"band": (0, 5, 0, 0), "progressive": True}, {"dc": b"\1"}, {"dc": bytes([3, *[0] * 15, 1, 2, 3])},
        {"dc": bytes([0, 2, *[0] * 14, 1, 1])}, {"dc": bytes([1, *[0] * 15])}, {"dc": b""}, {"limit": 1},
        {"restart": -1},
        {"blocks": np.full((2, 2, 64), -32768, np.int16)},
    ],
)  # fmt: skip
def test_the_native_writer_refuses_what_cannot_be_a_scan(wrong):
    with pytest.raises(FormatError):
        scan(**wrong)


def test_without_jpeglib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jpeglib", None)
    with pytest.raises(TinifyError, match=r"tinify-codec\[jpeg\]"):
        split(encoded(picture()))
