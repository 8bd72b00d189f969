# SPDX-License-Identifier: Apache-2.0
"""Pictures in `.tnf` files through Pillow: `import tinify.interop.pillow`, then `Image.open` and `image.save`.

Image.open("x.tnf") ─► size, mode, colour profile ─► (pixels are asked for) ─► codec ─► image
image.save("x.tnf", quality=60, codec="photo-best")
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageFile

from tinify import api, container, zoo
from tinify.container.header import HEAD_MAX, read_head
from tinify.errors import ConfigError, FormatError, InputError, TinifyError
from tinify.media.image import CONVERTED, DEEP, MODES
from tinify.signal import PEAKS, Signal

FORMAT, EXTENSION, MIME = "TNF", ".tnf", "image/x-tnf"
SAVE_OPTIONS = (
    "codec",
    "quality",
    "target_bpp",
    "target_psnr",
    "max_bytes",
    "max_error",
    "lossless",
    "tile",
    "threads",
)
"""What `image.save` takes: arguments of `tinify.compress`. And `icc_profile`; others are ignored, as Pillow does."""
_PICTURE = container.MODALITIES[container.IMAGE]
_HEAD = 1 << 12
_KEPT = 1 << 26  # bytes of a file up to which its metadata are read when it is opened
_RAW = {"I;16": "I;16N", "F": "F;32NF"}


class TnfImageFile(ImageFile.ImageFile):
    """8 bits as L, LA, RGB, RGBA; grey of 16 bits as I;16, of floats as F. Colours of 16 bits or floats, for which
    Pillow has no mode, come with 8. `info`: "icc_profile", "codec".

    Damaged headers are UnidentifiedImageError on opening; what is cut off or damaged later, OSError on loading.
    """

    format, format_description = FORMAT, "Tinify picture"

    def _open(self) -> None:
        try:
            head = _head(self.fp)
        except TinifyError as error:
            raise SyntaxError(str(error)) from error  # what Pillow takes as "not mine"
        if head.modality != container.IMAGE or len(head.shape) != 3 or head.shape[2] not in MODES or 0 in head.shape:
            raise SyntaxError(f"the file holds {head.modality} of shape {head.shape}, which is no picture")
        if head.dtype not in PEAKS:
            raise SyntaxError(f"the file holds a picture of {head.dtype}; allowed: {', '.join(PEAKS)}")
        self._size = head.shape[1], head.shape[0]
        self._mode = _mode(head.dtype, head.shape[2])
        self.info["codec"] = head.codec
        self._packed, self._scale = True, 1
        self._read_profile()

    def _read_profile(self) -> None:
        self.fp.seek(0, io.SEEK_END)
        if self.fp.tell() > _KEPT:
            return
        try:
            metadata = container.unpack(_all(self.fp)).find(container.METADATA)
            profile = {} if metadata is None else container.unpack_metadata(metadata)
        except TinifyError:  # `load` will say it
            return
        if profile.get("icc"):
            self.info["icc_profile"] = profile["icc"]

    def draft(self, mode: str | None, size: tuple[int, int] | None) -> tuple[str, tuple[float, ...]] | None:
        """As of JPEG files: where the codec decodes small pictures by themselves, a half, a quarter, ... of the size,
        not less than `size`; `Image.thumbnail` calls it."""
        scale, (width, height) = 1, self.size
        if not self._packed or self._scale > 1 or size is None:
            return None
        most = 1 << _halvings(self.info["codec"])
        while scale < most and width >= 2 * scale * size[0] and height >= 2 * scale * size[1]:
            scale *= 2
        if scale == 1:
            return None
        self._scale, self._size = scale, (-(-width // scale), -(-height // scale))
        return self.mode, (0, 0, width / scale, height / scale)

    def load(self) -> Any:
        if self._packed and self.fp is not None:
            try:
                signal = api.decompress_signal(_all(self.fp), scale=self._scale)
            except TinifyError as error:
                raise OSError(f"{error}") from error
            pixels = _pixels(signal.samples)
            if (
                _mode(signal.samples.dtype.name, signal.samples.shape[2]) != self.mode
                or pixels.shape[1::-1] != self.size
            ):
                raise OSError("the picture is not of the size that the file declares")
            if self._exclusive_fp:
                self.fp.close()
            self._packed, self._exclusive_fp, self.fp = False, True, io.BytesIO(pixels.tobytes())
            self.tile = [ImageFile._Tile("raw", (0, 0, *self.size), 0, _RAW.get(self.mode, self.mode))]
        return super().load()


def save(image: Image.Image, file: BinaryIO, filename: str | bytes) -> None:
    """Handler of `image.save`. ConfigError (a ValueError) for options that make no sense, OSError for pictures that no
    codec takes."""
    given = image.encoderinfo
    options = {name: given[name] for name in SAVE_OPTIONS if given.get(name) is not None}
    if not isinstance(options.get("quality", 0), int | float):
        raise ConfigError(f"quality is {options['quality']!r}; allowed: 0 to 100")
    profile = given.get("icc_profile", image.info.get("icc_profile"))
    signal = Signal("image", _samples(image), {"icc": profile} if profile else {})
    codec = options.pop("codec", None)
    try:
        file.write(api.compress_signal(signal, codec, options.pop("quality", None), **options))
    except InputError as error:
        raise OSError(f"cannot write this picture as {FORMAT}: {error}") from error


def accept(prefix: bytes) -> bool:
    """Whether a `.tnf` file of a picture begins so."""
    return prefix[:4] == container.MAGIC and len(prefix) > 4 and prefix[4] & 15 == _PICTURE


def register() -> None:
    """Makes Pillow know `.tnf`; importing this module does it."""
    Image.register_open(FORMAT, TnfImageFile, accept)
    Image.register_save(FORMAT, save)
    Image.register_extension(FORMAT, EXTENSION)
    Image.register_mime(FORMAT, MIME)


def _halvings(codec: str) -> int:
    try:
        zoo.find(codec)  # a file names a codec of the zoo; it must not make us read a folder of its choice
        return getattr(api.load(codec), "halvings", 0)
    except TinifyError:  # `load` will say it
        return 0


def _head(file: BinaryIO) -> container.TnfFile:
    file.seek(0)
    start = file.read(_HEAD)
    try:
        return read_head(start).file
    except FormatError:
        if len(start) < _HEAD:
            raise
        return read_head(start + file.read(HEAD_MAX - _HEAD)).file


def _all(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _mode(dtype: str, channels: int) -> str:
    grey = {"uint16": "I;16", "float32": "F"}
    return grey[dtype] if channels == 1 and dtype in grey else MODES[channels]


def _pixels(samples: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, C) of the type that the mode has."""
    if samples.shape[2] == 1:
        return samples[:, :, 0]
    if samples.dtype == np.uint8:
        return samples
    return np.rint(samples.astype(np.float32) * (255 / PEAKS[samples.dtype.name])).clip(0, 255).astype(np.uint8)


def _samples(image: Image.Image) -> np.ndarray:
    """(H, W, C) of an image. OSError for a mode that cannot be told without loss."""
    if image.mode in CONVERTED:
        clear = "transparency" in image.info and image.mode in ("1", "P")
        image = image.convert("RGBA" if clear else CONVERTED[image.mode])
    if image.mode not in MODES.values() and image.mode not in DEEP:
        raise OSError(f"cannot write mode {image.mode} as {FORMAT}; convert it to RGB first")
    samples = np.asarray(image, DEEP.get(image.mode, "uint8"))
    return samples[:, :, None] if samples.ndim == 2 else samples


register()
