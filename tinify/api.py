# SPDX-License-Identifier: Apache-2.0
"""Samples to the bytes of a `.tnf` file and back, in one call each."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np

from tinify import config, container, zoo
from tinify.errors import ConfigError, DesyncError, FormatError, InputError, TinifyError
from tinify.rate_search import pack_to_psnr, pack_to_rate
from tinify.signal import Signal

DEFAULT_CODECS = {"image": "photo-hyperprior", "series": "dct-tokenizer"}
AXES = "ndim"  # metadata: how many axes an array had that `compress` gave one more
_NATIVE_AXES = {"image": 3, "series": 2}

build = config.build

_codecs: dict[str, Any] = {}
_lock = threading.Lock()


def compress(
    x: Any,
    codec: Any = None,
    quality: float | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
) -> bytes:
    """The bytes of a `.tnf` file that holds `x`.

    x: an array, a Signal, or the path of a file that `tinify.media` reads. An array (H, W, 1..4) of uint8 is a picture;
        (T, C) or (T,) of any numeric type is a series. With an image codec given, (H, W) is a grey picture.
    codec: a name of `tinify models`, a folder with codec.toml, or a codec that was built; by default the one for the
        kind of signal (DEFAULT_CODECS).
    quality: in [0, 100], more is better and larger; by default the codec's own.
    target_bpp: bits per pixel, or per number of a series: the best file of at most that size.
    target_psnr: dB, of a picture's colours, or of a series in units of each channel's range: the smallest file of at
        least that quality. At most one of the three may be given (ConfigError).
    """
    codec = _codec(codec) if codec is not None else None
    return compress_signal(to_signal(x, codec), codec, quality, target_bpp, target_psnr)


def decompress(data: bytes, codec: Any = None) -> np.ndarray:
    """The samples in the bytes of a `.tnf` file, in the shape and type that they had.

    `codec` is needed only for files of a codec that is not in the zoo. Raises FormatError (damaged or foreign data),
    LimitError, DesyncError (other weights than the file was made with), UnknownComponentError (no such codec).
    """
    signal = decompress_signal(data, codec)
    axes = signal.metadata.get(AXES)
    if axes not in (b"1", b"2") or int(axes) >= signal.samples.ndim:
        return signal.samples
    if signal.samples.shape[-1] != 1:
        raise FormatError(f"samples of shape {signal.samples.shape} cannot have had {int(axes)} axes")
    return signal.samples[..., 0]


def compress_signal(
    signal: Signal,
    codec: Any = None,
    quality: float | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
) -> bytes:
    """As `compress`, for a signal whose metadata is to come back with it."""
    _check_rate(quality, target_bpp, target_psnr)
    codec = _codec(default_codec(signal) if codec is None else codec)
    if codec.modality != signal.modality:
        fitting = DEFAULT_CODECS.get(signal.modality)
        raise InputError(
            f"codec {codec.name!r} is for {codec.modality} signals and this is {signal.modality}"
            + (f"; leave the codec out to use {fitting!r}" if fitting else "")
        )
    if target_bpp is not None:
        return pack_to_rate(codec, signal, target_bpp)
    if target_psnr is not None:
        return pack_to_psnr(codec, signal, target_psnr)
    return container.pack(codec.pack(signal, quality=quality))


def decompress_signal(data: bytes, codec: Any = None, *, max_elements: int = container.MAX_ELEMENTS) -> Signal:
    """As `decompress`, with the metadata. `max_elements` bounds the size of what is decoded."""
    file = container.unpack(data, max_elements=max_elements)
    codec = _codec(file.codec, from_file=True) if codec is None else _codec(codec)
    _check_fingerprint(file, codec)
    try:
        return codec.unpack(file)
    except TinifyError:
        raise
    except Exception as error:  # every check sum fits, and still the codec stumbles: the file was made to do that
        raise FormatError(
            f"codec {file.codec!r} cannot decode this file: {type(error).__name__}: {error}; "
            "it is damaged or was not made by this codec"
        ) from error


def load(name: str | os.PathLike) -> Any:
    """The pretrained codec of that name, or of a folder with codec.toml; loaded once and kept. Errors: `zoo.load`."""
    key = os.path.abspath(name) if zoo.is_folder(name) else os.fspath(name)
    with _lock:
        if key not in _codecs:
            _codecs[key] = zoo.load(name)
        return _codecs[key]


def to_signal(x: Any, codec: Any = None) -> Signal:
    """The signal that an array, a Signal or a path is; a codec's modality decides where an array could be either."""
    if isinstance(x, Signal):
        return x
    if isinstance(x, (str, os.PathLike)):
        from tinify import media

        return media.read(x)
    samples = x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x)
    if samples.dtype.kind not in "biuf":
        raise InputError(f"an array of {samples.dtype} cannot be compressed; allowed: bool, integers, floats")
    modality = codec.modality if codec is not None else _modality(samples)
    wanted = _NATIVE_AXES.get(modality, samples.ndim)
    if samples.ndim == wanted - 1:
        return Signal(modality, samples[..., None], {AXES: str(samples.ndim).encode()})
    if samples.ndim != wanted:
        raise InputError(f"an array of shape {samples.shape} is no {modality} signal; that has {wanted} axes")
    return Signal(modality, samples)


def default_codec(signal: Signal) -> str:
    """Name of the codec for a signal of this kind."""
    if signal.modality not in DEFAULT_CODECS:
        raise InputError(f"there is no default codec for {signal.modality} signals; name one (`tinify models`)")
    return DEFAULT_CODECS[signal.modality]


def _modality(samples: np.ndarray) -> str:
    if samples.ndim in (1, 2):
        return "series"
    if samples.ndim == 3 and samples.dtype == np.uint8 and samples.shape[2] in (1, 2, 3, 4):
        return "image"
    raise InputError(
        f"an array of shape {samples.shape} and type {samples.dtype} is neither a picture, (H, W, 1 to 4) "
        "of uint8, nor a series, (T, C) or (T,)"
    )


def _codec(codec: Any, *, from_file: bool = False) -> Any:
    if hasattr(codec, "pack") and hasattr(codec, "unpack"):
        return codec
    if from_file:
        zoo.find(codec)  # a file names a codec of the zoo; it must not make us read a folder of its choice
    elif not isinstance(codec, (str, os.PathLike)):
        raise ConfigError(f"codec is {codec!r}; give a name, a folder with codec.toml, or a codec")
    return load(codec)


def _check_rate(quality: float | None, target_bpp: float | None, target_psnr: float | None) -> None:
    given = {"quality": quality, "target_bpp": target_bpp, "target_psnr": target_psnr}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other; give one of them")
    if quality is not None and not 0 <= quality <= 100:
        raise ConfigError(f"quality is {quality}; allowed: 0 to 100")
    if target_bpp is not None and not target_bpp > 0:
        raise ConfigError(f"target_bpp is {target_bpp}; it must be positive")
    if target_psnr is not None and not np.isfinite(target_psnr):
        raise ConfigError(f"target_psnr is {target_psnr}; it must be a finite number of dB")


def _check_fingerprint(file: container.TnfFile, codec: Any) -> None:
    own = codec.fingerprint()
    if file.fingerprint != own:
        raise DesyncError(
            f"the file was made by {file.codec!r} with weights {file.fingerprint.hex()}, and the "
            f"{codec.name!r} here has {own.hex()}: it would decode to something else. Install the "
            "version of tinify-codec (or of the plugin) that wrote it, or give its folder as the codec"
        )
