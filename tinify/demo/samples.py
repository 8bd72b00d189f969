# SPDX-License-Identifier: Apache-2.0
"""The photo and the series, read from files inside installed packages; nothing is downloaded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from importlib.resources import files

import numpy as np

from tinify.errors import MissingExtraError

EXTRA = 'the demo needs scikit-image, PyWavelets and pcodec: pip install "tinify-codec[demo]"'


@dataclass(frozen=True)
class Photo:
    """pixels (H, W, 3) uint8; `file` is the picture as it was shipped; `crops` are (top, left) corners worth a look."""

    name: str
    pixels: np.ndarray
    file: bytes
    credit: str
    crops: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Recording:
    """samples (T, C); `window` is the (start, stop) worth a closer look."""

    name: str
    samples: np.ndarray
    credit: str
    window: tuple[int, int]


def photo() -> Photo:
    """A cup of coffee on a wooden table, 600x400. MissingExtraError without scikit-image."""
    from PIL import Image

    try:
        # The file itself, not `skimage.data.coffee()`, which might fetch it where a package was stripped of its data.
        file = (files("skimage") / "data" / "coffee.png").read_bytes()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise MissingExtraError(EXTRA) from error
    pixels = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
    credit = "Rachel Michetti, courtesy of Pikolo Espresso Bar (CC0), from scikit-image"
    return Photo("coffee", pixels, file, credit, ((76, 150), (268, 436)))


def recording() -> Recording:
    """An electrocardiogram of 1024 integer samples. MissingExtraError without PyWavelets."""
    try:
        from pywt import data
    except ImportError as error:
        raise MissingExtraError(EXTRA) from error
    return Recording("ecg", np.asarray(data.ecg())[:, None], "electrocardiogram from PyWavelets", (180, 440))


def require_extra() -> None:
    """Raises MissingExtraError before any work is done, when a package of the extra is missing."""
    from importlib.util import find_spec

    if any(find_spec(name) is None for name in ("skimage", "pywt", "pcodec")):
        raise MissingExtraError(EXTRA)
