# SPDX-License-Identifier: Apache-2.0
"""`.tnf` as one of Pillow's formats: modes, profile, options, laziness, and Pillow's errors for bad files."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, UnidentifiedImageError

import tinify
import tinify.interop.pillow as plugin
from tinify import api


def picture(shape, dtype="uint8"):
    rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
    x = 120 + 60 * np.sin(rows / 7) + 50 * np.cos(columns / 9)
    x = np.stack([x + 5 * c for c in range(shape[2])], 2) if len(shape) == 3 else x
    return x.astype(dtype) if dtype == "uint8" else (x / 255 * {"uint16": 65535, "float32": 1}[dtype]).astype(dtype)


def saved(image, **options):
    file = io.BytesIO()
    image.save(file, "TNF", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "mode, shape", [("L", (40, 50)), ("LA", (40, 50, 2)), ("RGB", (41, 50, 3)), ("RGBA", (40, 51, 4))]
)
def test_pictures_of_8_bits_come_back_in_their_mode(mode, shape):
    x = picture(shape)
    image = Image.open(io.BytesIO(saved(Image.fromarray(x), lossless=True)))
    assert (image.format, image.mode, image.size) == ("TNF", mode, shape[1::-1])
    assert image.get_format_mimetype() == "image/x-tnf"
    assert np.array_equal(np.asarray(image), x)


def test_grey_of_16_bits_and_of_floats():
    for dtype, mode, options in (("uint16", "I;16", {"lossless": True}), ("float32", "F", {"quality": 90})):
        x = picture((40, 48), dtype)
        image = Image.open(io.BytesIO(saved(Image.fromarray(x), **options)))
        assert image.mode == mode
        assert np.abs(np.asarray(image).astype("f8") - x).max() <= (0 if dtype == "uint16" else 0.1)


def test_colours_of_16_bits_come_with_8():
    x = picture((32, 32, 3), "uint16")
    image = Image.open(io.BytesIO(tinify.compress(x, "photo-fast", lossless=True)))
    assert image.mode == "RGB" and np.abs(np.asarray(image) - x / 257).max() <= 0.5


def test_files_by_name_at_a_quality(tmp_path):
    Image.fromarray(picture((64, 64, 3))).save(tmp_path / "a.tnf", quality=20)
    Image.fromarray(picture((64, 64, 3))).save(tmp_path / "b.tnf", quality=90, codec="photo-best")
    with Image.open(tmp_path / "a.tnf") as a, Image.open(tmp_path / "b.tnf") as b:
        assert (a.info["codec"], b.info["codec"]) == ("photo-fast", "photo-best")
        assert np.asarray(a).shape == np.asarray(b).shape
    assert (tmp_path / "a.tnf").stat().st_size < (tmp_path / "b.tnf").stat().st_size


def test_palettes_and_bits_are_converted_and_what_would_lose_is_refused():
    grey = Image.fromarray(picture((32, 32)))
    assert Image.open(io.BytesIO(saved(grey.convert("P")))).mode == "RGB"
    assert Image.open(io.BytesIO(saved(grey.convert("1")))).mode == "L"
    with pytest.raises(OSError, match="mode I"):
        saved(grey.convert("I"))
    with pytest.raises(OSError, match="cannot write"):
        saved(Image.fromarray(np.full((8, 8), 2, np.float32)))


def test_the_colour_profile_is_kept():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.fromarray(picture((32, 32, 3)))
    assert Image.open(io.BytesIO(saved(image, icc_profile=profile))).info["icc_profile"] == profile


def test_opening_decodes_nothing(monkeypatch):
    data = saved(Image.fromarray(picture((32, 32, 3))))
    monkeypatch.setattr(api, "decompress_signal", lambda *_: pytest.fail("decoded"))
    assert Image.open(io.BytesIO(data)).size == (32, 32)


@pytest.mark.parametrize(
    "options", [{"quality": 101}, {"quality": "keep"}, {"quality": 3, "lossless": True}, {"codec": 3}]
)
def test_options_that_make_no_sense_are_value_errors(options):
    with pytest.raises(ValueError):
        saved(Image.fromarray(picture((16, 16))), **options)


def test_a_file_cut_off_opens_and_says_so_when_it_is_loaded():
    data = saved(Image.fromarray(picture((64, 64, 3))))
    image = Image.open(io.BytesIO(data[: len(data) // 2]))
    assert image.size == (64, 64)
    with pytest.raises(OSError):
        image.load()


def test_series_and_damaged_heads_are_no_pictures():
    data = saved(Image.fromarray(picture((16, 16))))
    series = tinify.compress(np.arange(100.0), lossless=True)
    for bytes_ in (series, data[:4], data[:7], data[:4] + b"\xf1" + data[5:], data[:4]):
        with pytest.raises(UnidentifiedImageError):
            Image.open(io.BytesIO(bytes_))


def test_no_byte_that_is_changed_gives_another_error():
    data = saved(Image.fromarray(picture((16, 16))))
    for place in range(0, len(data), max(1, len(data) // 40)):
        hurt = bytearray(data)
        hurt[place] ^= 0x5A
        try:
            Image.open(io.BytesIO(bytes(hurt))).load()
        except (OSError, Image.DecompressionBombError):  # UnidentifiedImageError is one
            continue
        pytest.fail(f"byte {place} was changed and nothing said so")


def test_a_picture_that_declares_too_much_is_pillows_bomb():
    from tinify import container

    file = container.TnfFile("image", "photo-fast", b"\0" * 4, (30000, 30000, 1), "uint8", b"\0" * 3)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(container.pack(file)))


@pytest.mark.parametrize("shape", [(96, 160, 3), (97, 131, 3), (97, 131)])
def test_a_thumbnail_decodes_a_small_picture_where_the_codec_can(shape):
    data = saved(Image.fromarray(picture(shape)), codec="jpeg2000-like", quality=90)
    small = Image.open(io.BytesIO(data))
    box = small.draft(None, (30, 20))[1]
    assert small.size == (-(-shape[1] // 4), -(-shape[0] // 4)) and box == (0, 0, shape[1] / 4, shape[0] / 4)
    assert np.array_equal(np.asarray(small), tinify.decompress(data, scale=4).squeeze())
    small = Image.open(io.BytesIO(data))
    small.thumbnail((32, 24), reducing_gap=1.0)
    assert max(small.size) <= 32 and small.size[1] <= 24
    assert Image.open(io.BytesIO(saved(Image.fromarray(picture(shape))))).draft(None, (30, 20)) is None


def test_it_can_be_registered_again():
    plugin.register()
    assert Image.registered_extensions()[".tnf"] == "TNF"
