# SPDX-License-Identifier: Apache-2.0
"""Files that a person gave to the page: read within limits, and kept, a few of them.

bytes, name ──► media ──► Given: a picture of 8 bits, at most 4 million pixels; or a series, at most 200 000 numbers
"""

from __future__ import annotations

import io
import secrets
import threading
import warnings
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np

from tinify import media
from tinify.errors import InputError, LimitError
from tinify.signal import Signal

MAX_UPLOAD = 32 << 20
MAX_OPENED = 50_000_000  # pixels that are decoded, to be made smaller
MAX_PIXELS = 4_000_000
MAX_NUMBERS = 200_000
MAX_CHANNELS = 1000
_KEPT = 4


@dataclass(frozen=True)
class Given:
    """A file as it is compressed here. `size` is that of the file itself; `notes` say what was changed about it;
    `names` are those of a series' channels."""

    name: str
    size: int
    signal: Signal
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Shelf:
    """The last few files by a key that nobody guesses. Threads may share it."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, Given] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, given: Given) -> str:
        key = secrets.token_urlsafe(12)
        with self._lock:
            self._given[key] = given
            while len(self._given) > _KEPT:
                self._given.popitem(last=False)
        return key

    def get(self, key: object) -> Given:
        """InputError where it is not here (any more)."""
        with self._lock:
            if not isinstance(key, str) or key not in self._given:
                raise InputError("this file is not here any more; drop it again")
            self._given.move_to_end(key)
            return self._given[key]


def read(data: bytes, name: str) -> Given:
    """The picture or series in a file. InputError, LimitError, whose messages are for the person."""
    name = "".join(c for c in name.replace("\\", "/").rsplit("/", 1)[-1] if c.isprintable())[:100] or "file"
    if data:
        _check_pixels(data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        signal = media.read(data, name)
    notes = [str(warning.message) for warning in caught if warning.category is UserWarning]
    given = Given(name, len(data), signal, notes=tuple(notes))
    if signal.samples.size == 0:
        raise InputError(f"{name}: it holds no samples")
    if signal.modality == "image":
        return _picture(given)
    if signal.modality == "series":
        return _series(given)
    raise InputError(f"{name} holds {signal.modality}; this page shows pictures and series")


def _check_pixels(data: bytes) -> None:
    """LimitError before a picture is decoded that says it is huge; what is no picture is none of this."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            width, height = Image.open(io.BytesIO(data)).size
    except Image.DecompressionBombError as error:
        raise LimitError(f"the picture is too large: {error}") from error
    except Exception:  # the reader says what is amiss
        return
    if width * height > MAX_OPENED:
        raise LimitError(f"a picture of {width}x{height}; this page takes up to {MAX_OPENED // 10**6} million pixels")


def _picture(given: Given) -> Given:
    samples, notes = given.signal.samples, list(given.notes)
    if samples.dtype != np.uint8:
        notes.append(f"{samples.dtype} samples are shown and compressed with 8 bits here; the command keeps them")
        samples = samples >> 8 if samples.dtype == np.uint16 else np.rint(255 * np.nan_to_num(samples).clip(0, 1))
        samples = samples.astype(np.uint8)
    height, width = samples.shape[:2]
    if height * width > MAX_PIXELS:
        samples = _smaller(samples)
        notes.append(f"made smaller for this page, from {width}x{height}; the command compresses it whole")
    signal = Signal("image", np.ascontiguousarray(samples))
    return replace(given, signal=signal, notes=tuple(notes))


def _smaller(samples: np.ndarray) -> np.ndarray:
    """At most MAX_PIXELS, by means of whole blocks."""
    from PIL import Image

    factor = int(np.ceil(np.sqrt(samples.shape[0] * samples.shape[1] / MAX_PIXELS)))
    reduced = np.asarray(Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples).reduce(factor))
    return reduced.reshape(*reduced.shape[:2], -1)


def _series(given: Given) -> Given:
    from tinify.media.csv import channel_names

    signal, notes = given.signal, list(given.notes)
    rows, channels = signal.samples.shape
    known = channel_names(signal) or []
    names = tuple(
        (known[number] if number < len(known) else "") or f"channel {number + 1}" for number in range(channels)
    )
    if channels > MAX_CHANNELS:
        raise LimitError(f"{channels} channels; this page takes up to {MAX_CHANNELS}")
    if rows * channels > MAX_NUMBERS:
        kept = max(1, MAX_NUMBERS // channels)
        signal = Signal("series", signal.samples[:kept])
        notes.append(
            f"only the first {kept:,} of {rows:,} rows, and only their numbers; the command compresses it whole"
        )
    return replace(given, signal=signal, names=names, notes=tuple(notes))
