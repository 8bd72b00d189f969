# SPDX-License-Identifier: Apache-2.0
"""Pictures through Pillow: grey, grey + alpha, RGB, RGB + alpha.

file -> EXIF orientation applied -> one of L, LA, RGB, RGBA -> samples (H, W, C) uint8, metadata "icc"
                                 -> I;16, or RGB, RGBA with 16 bits -> uint16;  F -> float32
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from tinify.errors import InputError, LimitError, TinifyError
from tinify.media.deep import read_colours, read_pnm, write_png, write_pnm
from tinify.media.format import MediaFormat
from tinify.signal import Signal

if TYPE_CHECKING:
    from PIL.Image import Image

DEEP = {"I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "I;16N": "uint16", "F": "float32"}
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
CONVERTED = {
    "1": "L",
    "P": "RGB",
    "PA": "RGBA",
    "La": "LA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
# What goes to `Image.save`. A picture that has been through one lossy codec should not visibly suffer from the next.
SAVED = {
    ".png": {"format": "PNG"},
    ".jpg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 95, "subsampling": 0},
    ".webp": {"format": "WEBP", "lossless": True, "exact": True},
    ".avif": {"format": "AVIF", "quality": 95, "subsampling": "4:4:4"},
    ".tif": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".tiff": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    ".jp2": {"format": "JPEG2000"},
    ".bmp": {"format": "BMP"},
    ".ppm": {"format": "PPM"},
    ".pgm": {"format": "PPM"},
    ".gif": {"format": "GIF"},
    ".tga": {"format": "TGA"},
}
NO_ALPHA = {"JPEG", "BMP", "PPM"}
NO_ICC = {"BMP", "PPM", "TGA", "JPEG2000"}
NO_GREY = {"WEBP", "AVIF"}
SIGNATURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  ", b"P4", b"P5", b"P6")


def sniff(start: bytes) -> bool:
    """Whether the bytes begin a picture of a common kind."""
    riff = start[:4] == b"RIFF" and start[8:12] == b"WEBP"
    return riff or start[4:12] in (b"ftypavif", b"ftypavis") or start.startswith(SIGNATURES)


def read(data: bytes, extension: str = "") -> Signal:
    """The first frame of a picture. InputError (damaged, cut off, of 32 bits), LimitError (decompression bomb)."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    deep = read_pnm(data)
    if deep is not None:
        return Signal("image", deep)
    try:
        with warnings.catch_warnings():
            # Pillow warns at half of the size that it refuses; below the limit there is nothing to do about it.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data))
            deep = read_colours(lambda: Image.open(io.BytesIO(data)))
            _check_kind(image, deep is not None)
            image.load()
            upright = ImageOps.exif_transpose(image)
        picture, profile = (upright, _profile(upright)) if upright.mode in DEEP else _to_supported(upright)
    except UnidentifiedImageError:
        raise InputError("this is not a picture that Pillow can read, or its beginning is damaged") from None
    except Image.DecompressionBombError as error:
        raise LimitError(f"the picture is too large: {error}") from error
    except MemoryError as error:
        raise LimitError("there is not enough memory for the picture") from error
    except TinifyError:
        raise
    except Exception as error:  # a damaged file makes Pillow's readers raise nearly anything
        raise InputError(f"the picture is damaged or cut off: {error}") from error
    samples = np.asarray(picture, DEEP.get(picture.mode, "uint8")) if deep is None else deep
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    return Signal("image", np.ascontiguousarray(samples), {"icc": profile} if profile else {})


def _check_kind(image: Image, deep: bool) -> None:
    if image.mode == "I":
        raise InputError(
            "grey of 32 bits is not supported, and cutting it would lose data silently; scale it to 16 bits yourself, "
            "or compress rows of it as a series (.npy, 2-D)"
        )
    if (
        image.mode not in MODES.values()
        and image.mode not in DEEP
        and image.mode not in CONVERTED
        and image.mode != "CMYK"
    ):
        raise InputError(f"pictures of Pillow mode {image.mode} are not supported; convert it to RGB first")
    cut = not deep and image.mode not in DEEP
    if cut and any("16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        warnings.warn("the picture has 16 bits a channel; it is compressed with 8", stacklevel=3)
    # A phone's MPO holds a preview beside the photo, which nobody misses.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        warnings.warn(f"the picture has {frames} frames; only the first is compressed", stacklevel=3)


def _to_supported(image: Image) -> tuple[Image, bytes | None]:
    """(the picture in one of the four modes, its ICC profile)."""
    profile = _profile(image)
    if image.mode == "CMYK":
        return _from_cmyk(image, profile), None
    if "transparency" in image.info and image.mode in ("1", "L", "P", "RGB"):
        image = image.convert("LA" if image.mode in ("1", "L") else "RGBA")
        return image, profile
    return image.convert(CONVERTED.get(image.mode, image.mode)), profile


def _profile(image: Image) -> bytes | None:
    return image.info.get("icc_profile") or None


def _from_cmyk(image: Image, profile: bytes | None) -> Image:
    from PIL import ImageCms

    if profile is not None:
        try:
            srgb = ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, io.BytesIO(profile), srgb, outputMode="RGB")
        except ImageCms.PyCMSError:
            warnings.warn("the CMYK profile of the picture is damaged; colours are approximate", stacklevel=3)
    return image.convert("RGB")


def write(signal: Signal, file: BinaryIO, extension: str) -> None:
    """Writes the picture; InputError when that kind of file cannot hold it (transparency, size, channels)."""
    from PIL import Image

    samples = signal.samples
    if signal.modality == "image" and _wrote_deep(signal, file, extension):
        return
    if signal.modality != "image" or samples.dtype != np.uint8 or samples.ndim != 3 or samples.shape[2] not in MODES:
        raise InputError(
            f"samples of shape {samples.shape} and dtype {samples.dtype} are no 8-bit picture; write them as .npy, or "
            "16 bits as .png or .ppm"
        )
    options = dict(SAVED[extension])
    samples = _without_alpha(samples, extension) if options["format"] in NO_ALPHA else samples
    image = Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else np.ascontiguousarray(samples))
    if options["format"] in NO_GREY and image.mode in ("L", "LA"):
        image = image.convert("RGB" if image.mode == "L" else "RGBA")
    profile = signal.metadata.get("icc")
    if profile and options["format"] in NO_ICC:
        warnings.warn(f"{extension} files cannot hold the ICC profile; it is left out", stacklevel=3)
    elif profile:
        options["icc_profile"] = profile
    try:
        image.save(file, **options)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"Pillow cannot write this picture as {extension}: {error}; try .png") from error


def _wrote_deep(signal: Signal, file: BinaryIO, extension: str) -> bool:
    """Writes 16 bits, or grey of floats, where that kind of file can hold them."""
    samples, profile = signal.samples, signal.metadata.get("icc")
    channels = samples.shape[2] if samples.ndim == 3 else 0
    if samples.dtype == np.uint16 and extension == ".png" and channels in MODES:
        write_png(samples, profile, file)
    elif samples.dtype == np.uint16 and extension in (".ppm", ".pgm") and channels in (1, 3):
        write_pnm(samples, file)
    elif samples.dtype in (np.uint16, np.float32) and extension in (".tif", ".tiff") and channels == 1:
        from PIL import Image

        options = SAVED[extension] | ({"icc_profile": profile} if profile else {})
        Image.fromarray(samples[:, :, 0]).save(file, **options)
    else:
        return False
    return True


def _without_alpha(samples: np.ndarray, extension: str) -> np.ndarray:
    channels = samples.shape[2]
    if channels in (1, 3):
        return samples
    if samples[:, :, -1].min(initial=255) < 255:
        raise InputError(f"{extension} files cannot hold transparency; use .png or .webp")
    return samples[:, :, : channels - 1]


def restores(signal: Signal) -> str | None:
    if signal.modality != "image" or "array" in signal.metadata:
        return None
    return ".npy" if signal.samples.dtype == np.float32 else ".png"


FORMAT = MediaFormat("image", "image", tuple(SAVED), sniff, read, write, restores)
