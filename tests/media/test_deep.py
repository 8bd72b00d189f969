# SPDX-License-Identifier: Apache-2.0
"""16 bits a channel: whoever wrote the file, all of them are read; what is written, others read."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from tinify import media
from tinify.errors import InputError, TinifyError
from tinify.media import image
from tinify.signal import Signal

X = np.random.default_rng(3).integers(0, 65536, (13, 17, 4), np.uint16)
X[5:] = np.add.outer(np.arange(8) * 7000, np.arange(17) * 300)[..., None] + np.arange(4)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def written(samples, extension, **metadata):
    file = io.BytesIO()
    image.write(Signal("image", np.ascontiguousarray(samples), metadata), file, extension)
    return file.getvalue()


def plain_png(samples, kind, extra=b""):
    """Without filters, as anybody might write it."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(("channels", "kind"), [(1, 0), (3, 2), (4, 6)])
def test_every_bit_of_a_png_is_read(channels, kind):
    found = image.read(plain_png(X[..., :channels], kind)).samples
    assert found.dtype == np.uint16 and np.array_equal(found, X[..., :channels])


@pytest.mark.parametrize(("extension", "channels"),
                         [(".png", 1), (".png", 3), (".png", 4), (".ppm", 3), (".pgm", 1), (".tif", 1)])  # fmt: skip
def test_what_is_written_is_read_again(extension, channels):
    samples = X[..., :channels]
    found = image.read(written(samples, extension)).samples
    assert found.dtype == np.uint16 and np.array_equal(found, samples)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_others_read_the_same_from_a_png(channels):
    codecs = pytest.importorskip("imagecodecs", reason="of the extra 'peers'")
    found = codecs.png_decode(written(X[..., :channels], ".png"))
    assert np.array_equal(found.reshape(*X.shape[:2], channels), X[..., :channels])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_bit_of_a_tiff_is_read(order, compression, channels):
    tifffile = pytest.importorskip("tifffile", reason="of the extra 'peers'")
    if compression == "lzw":
        pytest.importorskip("imagecodecs", reason="tifffile writes LZW with it")
    file = io.BytesIO()
    kind = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(file, X[..., :channels].squeeze(), photometric=kind, compression=compression, byteorder=order)
    assert np.array_equal(image.read(file.getvalue()).samples, X[..., :channels])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = exif.tobytes()[6:]
    extra = struct.pack(">I", len(data)) + b"eXIf" + data + struct.pack(">I", zlib.crc32(b"eXIf" + data))
    file = io.BytesIO()
    Image.fromarray((X[..., :3] >> 8).astype(np.uint8)).save(file, "PNG", exif=exif)
    found = image.read(plain_png(X[..., :3], 2, extra)).samples
    assert found.dtype == np.uint16 and np.array_equal(found >> 8, image.read(file.getvalue()).samples)


def test_a_colour_profile_goes_through():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for channels in (1, 3):
        assert image.read(written(X[..., :channels], ".png", icc=profile)).metadata == {"icc": profile}


@pytest.mark.parametrize("most", [1023, 4095])
def test_fewer_bits_of_a_pgm_are_scaled_to_sixteen(most):
    x = np.linspace(0, most, 60).round().astype(np.uint16).reshape(6, 10, 1)
    found = image.read(b"P5 10 6 %d\n" % most + x.astype(">u2").tobytes()).samples
    assert found.max() == 65535 and np.array_equal(np.round(found / 65535 * most), x)


def test_floats_of_a_tiff_are_read_and_written():
    x = (X[..., :1] / 65535).astype(np.float32)
    data = written(x, ".tif")
    found = image.read(data)
    assert found.samples.dtype == np.float32 and np.array_equal(found.samples, x)
    assert media.usual_extension(found) == ".npy"


def test_two_kinds_are_read_with_eight_bits_and_a_warning():
    transparent = struct.pack(">I", 6) + b"tRNS" + bytes(6) + struct.pack(">I", zlib.crc32(b"tRNS" + bytes(6)))
    for data in (plain_png(X[..., :2], 4), plain_png(X[..., :3], 2, transparent)):
        with pytest.warns(UserWarning, match="16 bits"):
            assert image.read(data).samples.dtype == np.uint8


@pytest.mark.parametrize(("samples", "extension"), [(X[..., :3], ".jpg"), (X[..., :3], ".tif"), (X, ".ppm"),
                                                    (X[..., :3] / np.float32(65535), ".png")])  # fmt: skip
def test_files_that_cannot_hold_it_are_refused(samples, extension):
    with pytest.raises(InputError, match=r"16 bits as \.png or \.ppm"):
        written(samples, extension)


def test_damage_is_an_input_error():
    for data in (written(X[..., :3], ".png"), written(X[..., :3], ".ppm"), written(X[..., :1], ".tif")):
        for length in (len(data) // 2, len(data) - 20):
            try:
                image.read(data[:length])
            except TinifyError:
                continue
            assert data.startswith(b"\x89PNG")  # Pillow wants no more of it than the pixels


def test_sixteen_bits_go_through_files(tmp_path):
    from tinify.file_to_file import compress_file, decompress_file

    samples = X[..., :3]
    for name in ("x.png", "x.ppm", "x.npy"):
        media.write(Signal("image", np.ascontiguousarray(samples)), tmp_path / name)
        compress_file(tmp_path / name, tmp_path / "x.tnf", "photo-fast", lossless=True, overwrite=True)
        for back in ("y.png", "y.ppm", "y.npy"):
            done = decompress_file(tmp_path / "x.tnf", tmp_path / back, region=(0, 0, 13, 17), overwrite=True)
            found = media.open_pixels(tmp_path / back) or media.read(tmp_path / back)
            assert done.dtype == "uint16" and np.array_equal(found.samples[:], samples)
