# SPDX-License-Identifier: Apache-2.0
"""The peers of an image codec that Pillow holds: JPEG, WebP, JPEG 2000, AVIF, PNG, each with its usual settings."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from tinify.errors import MissingExtraError
from tinify.evaluation.peers.base import Peer

_JPEG = {"optimize": True, "progressive": True}
_FINEST_SHARPNESS = 7  # what libaom's encoder for pictures takes by itself


def save(picture: np.ndarray, kind: str, **options: Any) -> bytes:
    """The bytes of a file by Pillow. MissingExtraError where this Pillow was built without that kind."""
    from PIL import Image

    buffer = io.BytesIO()
    try:
        Image.fromarray(picture).save(buffer, format=kind, **options)
    except KeyError:
        raise MissingExtraError(f"this Pillow was built without {kind}; pip install -U pillow") from None
    return buffer.getvalue()


def opened(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8 of a file that Pillow reads."""
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _jpeg_options(quality: float) -> Mapping[str, Any]:
    """4:2:0, every JPEG writer's default; optimised Huffman tables and progressive scans only save bytes. A quality
    between two whole ones has the tables between theirs, by libjpeg's own formula."""
    if quality == int(quality):
        return {"quality": int(quality), **_JPEG}
    scale = 5000 / quality if quality < 50 else 200 - 2 * quality
    tables = [np.clip((table * scale + 50) // 100, 1, 255).astype(int).tolist() for table in _jpeg_tables()]
    return {"qtables": tables, "subsampling": "4:2:0", **_JPEG}


@cache
def _jpeg_tables() -> tuple[np.ndarray, ...]:
    """Those of quality 50, from which libjpeg takes all others."""
    from PIL import Image

    image = Image.open(io.BytesIO(save(np.zeros((8, 8, 3), np.uint8), "JPEG", quality=50)))
    return tuple(np.array(image.quantization[number]) for number in (0, 1))


def _avif_options(quality: float) -> Mapping[str, Any]:
    """Tenths choose the sharpness of the loop filter, 7 - tenths (the default is 7): between the 64 quantizers that
    AVIF has they give the search of a size some more steps."""
    whole = int(quality)
    tenths = round(10 * (quality - whole))
    more = {"advanced": {"sharpness": str(_FINEST_SHARPNESS - tenths)}} if tenths else {}
    return {"quality": whole, "speed": 6, "subsampling": "4:4:4", **more}


def _steps(low: int, high: int, parts: int) -> list[float]:
    return [number / parts for number in range(low * parts, high * parts + 1)]


def _peer(name: str, kind: str, settings: tuple, options: Callable[[float], Mapping[str, Any]], **more: Any) -> Peer:
    def encoder(picture: np.ndarray, quality: float) -> bytes:
        return save(picture, kind, **options(quality))

    return Peer(name, "image", "PIL", settings, encoder=encoder, decoder=opened, **more)


def _without_loss(kind: str, **options: Any) -> Callable[[np.ndarray], bytes]:
    return lambda picture: save(picture, kind, **options)


PILLOW = (
    _peer("jpeg", "JPEG", (5, 10, 20, 30, 45, 60, 75, 85, 92, 95), _jpeg_options, grid=_steps(1, 95, 10),
          scale="qualities from 1 to 95", summary="JPEG 4:2:0, progressive, optimised tables"),
    _peer("webp", "WEBP", (1, 10, 25, 40, 60, 75, 85, 92, 97),
          lambda quality: {"quality": quality, "method": 6}, grid=_steps(0, 100, 5),
          scale="qualities from 0 to 100", summary="WebP, method 6",
          lossless=_without_loss("WEBP", lossless=True, method=6, quality=100)),
    # The setting is the PSNR that the encoder aims at; 9/7 wavelet and colour transform.
    _peer("jpeg2000", "JPEG2000", (25, 27, 29, 31, 33, 35, 37, 40, 43),
          lambda quality: {"quality_mode": "dB", "quality_layers": [quality], "irreversible": True, "mct": 1},
          grid=_steps(15, 55, 20), scale="decibels from 15 to 55", summary="JPEG 2000, 9/7 wavelet, colour transform",
          lossless=_without_loss("JPEG2000", irreversible=False, mct=1)),
    _peer("avif", "AVIF", (5, 15, 30, 45, 55, 65, 75, 85, 92), _avif_options,
          grid=range(101), variants=tuple(tenths / 10 for tenths in range(1, 8)),
          scale="qualities from 0 to 100", summary="AVIF 4:4:4, speed 6"),
    Peer("png", "image", "PIL", (), "none", lambda picture, _: _png(picture), opened,
         lossless=lambda picture: _png(picture), summary="PNG, optimised"),
)  # fmt: skip


def _png(picture: np.ndarray) -> bytes:
    return save(picture, "PNG", optimize=True)
