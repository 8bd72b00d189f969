# SPDX-License-Identifier: Apache-2.0
"""One window of a picture from several codecs, each given the same number of bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinify import api
from tinify.errors import InputError
from tinify.evaluation.peers import Peer, encode_to_size
from tinify.evaluation.subjects import Named, load
from tinify.evaluation.tnf_codec import TnfCodec
from tinify.metrics.psnr import psnr
from tinify.signal import Signal

WITHIN = 0.01  # of the bytes asked for
SIDE, SCALE, GAP, CAPTION = 176, 2, 16, 46  # of a tile, in pixels; pixels are drawn SCALE times as large


@dataclass(frozen=True)
class Crop:
    """A codec's window (SIDE, SIDE, 3) uint8; `size` and `psnr` are of the whole file and picture."""

    name: str
    pixels: np.ndarray
    size: int | None = None
    bpp: float | None = None
    psnr: float | None = None

    @property
    def caption(self) -> str:
        if self.size is None:
            return "24 bpp"
        return f"{self.size:,} bytes, {self.bpp:.3f} bpp, {self.psnr:.2f} dB"

    def png(self) -> bytes:
        return _png(self.pixels)


@dataclass(frozen=True)
class Crops:
    """The original and each codec, at (top, left) of `picture`; `off` names codecs that have no setting within 1 %."""

    picture: str
    wanted: int
    corner: tuple[int, int]
    crops: tuple[Crop, ...]
    off: tuple[str, ...] = ()


def make_crops(
    name: str, picture: np.ndarray, codecs: Sequence[Named], bpp: float, progress: Callable = lambda stage, share: None
) -> Crops:
    """Each codec searched to `bpp` on the whole picture, (H, W, 3) uint8; the window is where the codecs differ most.

    InputError for a picture smaller than a window, or where a codec cannot be so small.
    """
    height, width = picture.shape[:2]
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
        raise InputError(f"crops are of 8-bit RGB pictures; {name} is {picture.dtype} {picture.shape}")
    wanted = round(bpp * height * width / 8)
    files = {}
    for number, codec in enumerate(codecs):
        progress(f"{codec.title} at {wanted:,} bytes", number / len(codecs))
        files[codec.title] = encode_near(load(codec.name), picture, wanted)
    restored = {codec.title: load(codec.name).decode(files[codec.title]) for codec in codecs}
    top, left, side = _window(picture, list(restored.values()))
    place = (slice(top, top + side), slice(left, left + side))
    crops = [Crop("original", picture[place])]
    for title, pixels in restored.items():
        size = len(files[title])
        crops.append(Crop(title, pixels[place], size, 8 * size / (height * width), psnr(picture, pixels)))
    off = tuple(title for title, data in files.items() if abs(len(data) - wanted) > WITHIN * wanted)
    progress("crops", 1.0)
    return Crops(name, wanted, (top, left), tuple(crops), off)


def encode_near(subject: TnfCodec | Peer, picture: np.ndarray, wanted: int) -> bytes:
    """The file whose size is nearest to `wanted` that the codec's settings give."""
    if isinstance(subject, Peer):
        return encode_to_size(subject, picture, wanted, closest=True).data
    signal = Signal("image", picture)
    data = api.compress(signal, subject.codec, max_bytes=wanted)
    if len(data) >= (1 - WITHIN) * wanted:
        return data
    above = api.compress(signal, subject.codec, max_bytes=int((1 + WITHIN) * wanted))
    return above if abs(len(above) - wanted) < abs(len(data) - wanted) else data


def _window(picture: np.ndarray, restored: Sequence[np.ndarray]) -> tuple[int, int, int]:
    """(top, left, side) where the spread of the codecs' errors is largest."""
    from scipy.ndimage import uniform_filter

    side = min(SIDE, *picture.shape[:2])
    errors = np.stack([np.square(picture.astype(np.float32) - one).mean(axis=2) for one in restored])
    spread = np.ptp(errors, axis=0) if len(errors) > 1 else errors[0]
    mean = uniform_filter(spread, side, mode="constant")
    half = side // 2
    inner = mean[half : picture.shape[0] - side + half + 1, half : picture.shape[1] - side + half + 1]
    top, left = np.unravel_index(int(inner.argmax()), inner.shape)
    return int(top), int(left), side


def beside(count: int, most: int = 5) -> int:
    """How many tiles stand in a row, so that rows are alike."""
    return -(-count // -(-count // most))


def draw(crops: Crops, most: int = 5) -> bytes:
    """A PNG with a tile for each, its name and figures below it, at most so many beside one another."""
    from PIL import Image, ImageDraw, ImageFont

    side = crops.crops[0].pixels.shape[0] * SCALE
    columns = beside(len(crops.crops), most)
    rows = -(-len(crops.crops) // columns)
    size = (columns * (side + GAP) + GAP, rows * (side + CAPTION + GAP) + GAP)
    sheet = Image.new("RGB", size, "#fbfaf8")
    pen, bold, small = ImageDraw.Draw(sheet), ImageFont.load_default(17), ImageFont.load_default(14)
    for number, crop in enumerate(crops.crops):
        row, column = divmod(number, columns)
        x, y = GAP + column * (side + GAP), GAP + row * (side + CAPTION + GAP)
        sheet.paste(Image.fromarray(crop.pixels).resize((side, side), Image.Resampling.NEAREST), (x, y))
        pen.text((x, y + side + 5), crop.name, "#1c1d1f", font=bold)
        pen.text((x, y + side + 26), crop.caption, "#62656b", font=small)
    return _png(np.asarray(sheet))


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
