# SPDX-License-Identifier: Apache-2.0
"""Pictures: each Pillow mode becomes what a user expects, profiles and orientation count, damage is an InputError."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from tinify.errors import InputError, LimitError
from tinify.media import image
from tinify.signal import Signal

PIXELS = np.random.default_rng(5).integers(0, 256, (6, 9, 4), dtype=np.uint8)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(picture: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def written(signal: Signal, extension: str = ".png") -> bytes:
    file = io.BytesIO()
    image.write(signal, file, extension)
    return file.getvalue()


def picture(channels: int) -> Signal:
    return Signal("image", np.ascontiguousarray(PIXELS[:, :, :channels]))


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".jp2", ".tga"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_grey_and_colour_with_and_without_alpha_are_kept(channels, extension):
    signal = picture(channels)
    back = image.read(written(signal, extension)).samples
    if extension == ".webp" and channels < 3:
        back = back[:, :, [0, 3][:channels]]
    assert np.array_equal(back, signal.samples)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 7, 1), (7, 1, 4)])
def test_narrow_pictures_keep_their_shape(shape):
    signal = Signal("image", np.full(shape, 9, np.uint8))
    assert image.read(written(signal)).samples.shape == shape


def test_black_and_white_becomes_grey():
    bits = Image.fromarray(PIXELS[:, :, 0]).convert("1")
    assert np.array_equal(image.read(encoded(bits)).samples[:, :, 0], np.asarray(bits) * np.uint8(255))


def test_a_palette_becomes_rgb_and_with_transparency_rgba():
    palette = Image.fromarray(PIXELS[:, :, :3]).quantize(8)
    assert np.array_equal(image.read(encoded(palette)).samples, np.asarray(palette.convert("RGB")))
    clear = image.read(encoded(palette, transparency=0)).samples
    assert clear.shape == (6, 9, 4) and np.array_equal(clear[:, :, 3] == 0, np.asarray(palette) == 0)


@pytest.mark.parametrize(("mode", "key", "channels"), [("RGB", (1, 2, 3), 4), ("L", 7, 2)])
def test_one_transparent_colour_becomes_alpha(mode, key, channels):
    plain = Image.new(mode, (4, 4), key)
    plain.putpixel((0, 0), tuple(9 for _ in key) if mode == "RGB" else 9)
    samples = image.read(encoded(plain, transparency=key)).samples
    assert samples.shape == (4, 4, channels)
    assert samples[0, 0, -1] == 255 and samples[1:, :, -1].max() == 0


def test_cmyk_becomes_rgb():
    samples = image.read(encoded(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=95)).samples
    assert samples.shape == (8, 8, 3) and samples[0, 0, 0] > 180 and samples[0, 0, 1:].max() < 90


def test_a_damaged_cmyk_profile_is_said_and_dropped():
    data = encoded(Image.new("CMYK", (8, 8)), "JPEG", icc_profile=b"not a profile")
    with pytest.warns(UserWarning, match="profile"):
        signal = image.read(data)
    assert signal.samples.shape == (8, 8, 3) and not signal.metadata


def test_grey_of_32_bits_is_refused_with_the_next_step():
    with pytest.raises(InputError, match="scale it to 16 bits"):
        image.read(encoded(Image.fromarray(np.arange(12, dtype=np.int32).reshape(3, 4) * 50000), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    samples = image.read(encoded(Image.fromarray(PIXELS[:, :, :3]), exif=exif)).samples
    undone = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud}
    undone |= {5: lambda a: np.swapaxes(a, 0, 1), 6: lambda a: np.rot90(a, -1)}
    undone |= {7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2), 8: np.rot90}
    assert np.array_equal(samples, undone[orientation](PIXELS[:, :, :3]))


@pytest.mark.parametrize("extension", [".png", ".jpg", ".webp", ".tif"])
def test_the_icc_profile_is_kept(extension):
    data = encoded(Image.fromarray(PIXELS[:, :, :3]), icc_profile=PROFILE)
    signal = image.read(data)
    assert signal.metadata == {"icc": PROFILE}
    assert image.read(written(signal, extension)).metadata == {"icc": PROFILE}


def test_a_kind_that_holds_no_profile_says_so():
    signal = Signal("image", picture(3).samples, {"icc": PROFILE})
    with pytest.warns(UserWarning, match="ICC"):
        written(signal, ".bmp")


@pytest.mark.parametrize("extension", [".jpg", ".jpeg"])
def test_jpeg_is_close(extension):
    smooth = np.linspace(0, 255, 64 * 64).reshape(64, 64, 1).astype(np.uint8)
    signal = Signal("image", smooth)
    assert np.abs(image.read(written(signal, extension)).samples.astype(int) - smooth).max() < 6


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_avif_is_close():
    smooth = np.linspace(0, 255, 64 * 64).reshape(64, 64, 1).astype(np.uint8).repeat(3, 2)
    assert np.abs(image.read(written(Signal("image", smooth), ".avif")).samples.astype(int) - smooth).max() < 12


def test_transparency_is_not_lost_silently():
    with pytest.raises(InputError, match="transparency"):
        written(picture(4), ".jpg")
    opaque = PIXELS.copy()
    opaque[:, :, 3] = 255
    assert image.read(written(Signal("image", opaque), ".bmp")).samples.shape == (6, 9, 3)


def test_only_the_first_frame_is_read_with_a_warning():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "green")]
    for kind in ("GIF", "TIFF"):
        with pytest.warns(UserWarning, match="3 frames"):
            samples = image.read(encoded(frames[0], kind, save_all=True, append_images=frames[1:])).samples
        assert samples[0, 0].tolist() == [255, 0, 0]


def test_a_decompression_bomb_is_a_limit_error(monkeypatch):
    data = encoded(Image.new("L", (100, 100)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 7_000)
    assert image.read(data).samples.shape == (100, 100, 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4_000)
    with pytest.raises(LimitError, match="too large"):
        image.read(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_picture_that_is_cut_off_is_an_input_error(kind):
    # Noise, and no palette, so that every part of the file is needed.
    pixels = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8))
    data = encoded(pixels, kind)
    for length in (4, 30, len(data) // 3, len(data) // 2):
        with warnings.catch_warnings(), pytest.raises(InputError):
            warnings.simplefilter("ignore")  # Pillow's own, about the same damage
            image.read(data[:length])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000"])
def test_damaged_pictures_are_read_or_refused(kind):
    rng = np.random.default_rng(7)
    data = encoded(Image.fromarray(PIXELS[:, :, :3]), kind)
    for _ in range(60):
        broken = bytearray(data)
        for place in rng.integers(0, len(data), 4):
            broken[place] = rng.integers(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                signal = image.read(bytes(broken))
            except (InputError, LimitError):
                continue
        assert signal.samples.dtype == np.uint8 and signal.samples.ndim == 3


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 2, 5), np.uint8), np.zeros((2, 2, 3), np.float32), np.zeros((2, 2), np.uint8)]
)
def test_what_is_no_picture_is_not_written(samples):
    with pytest.raises(InputError, match="npy"):
        written(Signal("image", samples))


def test_a_size_that_the_kind_cannot_hold_is_an_input_error():
    with pytest.raises(InputError, match=r"try \.png"):
        written(Signal("image", np.zeros((1, 20_000, 3), np.uint8)), ".webp")


def test_pictures_are_recognised():
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000"):
        assert image.sniff(encoded(Image.new("RGB", (3, 3)), kind)[:4096]), kind
    assert not image.sniff(b"a,b\n1,2\n") and not image.sniff(b"\x93NUMPY")


def test_a_real_photo_is_read(data_dir):
    path = sorted((data_dir / "kodak").glob("*.png"))[0]
    assert image.read(path.read_bytes()).samples.shape in ((512, 768, 3), (768, 512, 3))
