# SPDX-License-Identifier: Apache-2.0
"""Samples to the bytes of a `.tnf` file and back, in one call each."""

from __future__ import annotations

import builtins
import io
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from tinify import codec_file, config, container, requirements, zoo
from tinify.errors import ConfigError, DesyncError, FormatError, InputError, TinifyError, UnknownComponentError
from tinify.rate_search import pack_to_bytes, pack_to_psnr, pack_to_rate
from tinify.signal import PEAKS, Signal

if TYPE_CHECKING:
    from tinify.models.image.reader import PictureReader
    from tinify.models.series.reader import SeriesReader

DEFAULT_CODECS = {"image": "photo-fast", "series": "series-mixing"}
AXES = "ndim"  # metadata: how many axes an array had that `compress` gave one more
_NATIVE_AXES = {"image": 3, "series": 2}

build = config.build

_codecs: dict[Any, Any] = {}
_lock = threading.Lock()


def compress(
    x: Any,
    codec: Any = None,
    quality: float | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    *,
    max_bytes: int | None = None,
    max_error: Any = None,
    max_error_of: str = "absolute",
    lossless: bool = False,
    chunk: int | None = None,
    tile: int | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> bytes:
    """The bytes of a `.tnf` file that holds `x`.

    x: an array, a Signal, or the path of a file that `tinify.media` reads. An array (H, W, 1..4) of uint8, uint16, or
        float32 in [0, 1] is a picture;
        (T, C) or (T,) of any numeric type is a series. With an image codec given, (H, W) is a grey picture.
    codec: a name of `tinify models`, a codec file ("my.codec", see `tinify fit`), a folder with codec.toml, or a codec
        that was built; by default the one for the kind of signal (DEFAULT_CODECS).
    quality: in [0, 100], more is better and larger; by default the codec's own.
    target_bpp: bits per pixel, or per number of a series: the best file of at most that size.
    target_psnr: dB, of a picture's colours, or of a series in units of each channel's range: the smallest file of at
        least that quality.
    max_bytes: of the whole file: the best that is no larger; InputError, with the least, when none is so small.
    max_error: of a series, a number or one for each channel: every finite value comes back no further off than that,
        whatever the codec; max_error_of: "absolute", "range" (0.01: 1 % of each channel's range over the whole series)
        or "sigma". Of a picture, where the codec has lossless: 0 to 127, no sample comes back further off. lossless:
        every bit of a series or picture comes back. At most one of these six may be given (ConfigError).
    chunk: rows of a series that are coded together, at most, so that they can be decoded without the others; by
        default as many as hold about a million numbers. tile: side of the tiles in which a picture is coded, each of
        which can be decoded without the others: 16 to 16384, 0 for none; by default none up to 64 million pixels, then
        1024. threads: chunks or tiles that are coded at a time, by default 2; the bytes do not depend on it.
        progress: called as `progress(done, total)` after each chunk or tile.
    """
    codec = _codec(codec) if codec is not None else None
    options = {"chunk": chunk, "tile": tile, "threads": threads, "progress": progress}
    options |= {"max_bytes": max_bytes, "max_error": max_error, "max_error_of": max_error_of, "lossless": lossless}
    return compress_signal(to_signal(x, codec), codec, quality, target_bpp, target_psnr, **options)


def decompress(
    data: bytes | str | os.PathLike,
    codec: Any = None,
    *,
    rows: slice | None = None,
    region: tuple[int, int, int, int] | None = None,
    scale: int = 1,
    threads: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """The samples in a `.tnf` file, given as its bytes or its path, in the shape and type that they had.

    `codec` is needed only for files of a codec that is not in the zoo. `rows`, of a series: `slice(a, b)`, and only the
    chunks that hold these rows are read and decoded; InputError beyond the series. `region`, of a picture: (top, left,
    height, width), and only the tiles that it touches are read and decoded; InputError beyond the picture. `scale`,
    of a picture: 2, 4, 8, ... for the picture at a half, a quarter, an eighth of its size, where the codec can
    (InputError where not); the beginning of the file is then enough, as far as it holds that size, of a picture without
    tiles. threads, progress: as `compress`.
    Raises FormatError (damaged or foreign data), LimitError, DesyncError (other weights than the file was made with),
    UnknownComponentError (no such codec).
    """
    if region is not None:
        if rows is not None or scale != 1:
            raise ConfigError("region goes neither with rows nor with scale; leave those out")
        with open_picture(data, codec) as reader:
            part = reader.read(region, **_given(threads=threads, progress=progress))
            return _with_axes(part, reader.metadata)
    if rows is not None:
        with open(data, codec) as reader:
            part = reader.read(*reader.bounds(rows), **_given(threads=threads, progress=progress))
            return _with_axes(part, reader.metadata)
    if not isinstance(data, bytes | bytearray | memoryview):
        with _opened(data) as file:
            data = file.read()
    signal = decompress_signal(data, codec, scale=scale, threads=threads, progress=progress)
    return _with_axes(signal.samples, signal.metadata)


def open(source: bytes | str | os.PathLike | BinaryIO, codec: Any = None) -> SeriesReader:
    """A reader of the series in a `.tnf` file (its path, its bytes, or an open binary file that can seek).

    `with tinify.open("x.tnf") as reader: reader.shape, reader[a:b]` reads and decodes only the chunks that hold the
    rows a to b. Errors as `decompress`; InputError for a picture, which has no rows.
    """
    from tinify.models.series.reader import SeriesReader

    return SeriesReader(*_entries_of(source, codec, "series", "unpack_rows", "rows"))


def open_picture(source: bytes | str | os.PathLike | BinaryIO, codec: Any = None) -> PictureReader:
    """As `open`, of a picture: `reader.read((top, left, height, width))` reads and decodes the tiles that hold these
    samples. A file without tiles is decoded as a whole. InputError for a series, which has no regions."""
    from tinify.models.image.reader import PictureReader

    return PictureReader(*_entries_of(source, codec, "image", "unpack_picture", "regions"))


def _entries_of(source: Any, codec: Any, modality: str, method: str, parts: str) -> tuple[Any, Any, BinaryIO]:
    """(codec, TnfFile or EntryReader, the open file) of a file of that modality, whose codec has the method."""
    file = _opened(source)
    try:
        found = container.open_entries(file)
        if found is None:
            file.seek(0)
            found = container.unpack(file.read())
        header = found if isinstance(found, container.TnfFile) else found.file
        if header.modality != modality:
            what = {"series": "a series", "image": "a picture"}[modality]
            raise InputError(f"the file holds {header.modality}; only {what} can be read in {parts}")
        codec = codec_of_file(header, codec)
        if not hasattr(codec, method):
            raise InputError(f"codec {header.codec!r} decodes files as a whole, not in {parts}")
        return codec, found, file
    except BaseException:
        file.close()
        raise


def compress_signal(
    signal: Signal,
    codec: Any = None,
    quality: float | None = None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    *,
    max_bytes: int | None = None,
    max_error: Any = None,
    max_error_of: str = "absolute",
    lossless: bool = False,
    **options: Any,
) -> bytes:
    """As `compress`, for a signal whose metadata is to come back with it. options: chunk, tile, threads,
    progress."""
    check_rate(quality, target_bpp, target_psnr, max_error, lossless, max_bytes)
    codec = codec_for(signal, codec)
    options = options_of(codec, **options) | bound_for(codec, max_error, max_error_of, lossless)
    targets = ((pack_to_rate, target_bpp), (pack_to_psnr, target_psnr), (pack_to_bytes, max_bytes))
    for pack_to, target in targets:
        if target is not None:
            options.pop("progress", None)  # it would be told of every attempt
            return pack_to(codec, signal, target, **options)
    return container.pack(container.with_requirements(codec.pack(signal, quality=quality, **options), codec))


def codec_for(signal: Signal, codec: Any = None) -> Any:
    """The codec to compress the signal with: the one given, or the default. InputError for another modality."""
    codec = _codec(default_codec(signal) if codec is None else codec)
    if codec.modality != signal.modality:
        fitting = DEFAULT_CODECS.get(signal.modality)
        raise InputError(
            f"codec {codec.name!r} is for {codec.modality} signals and this is {signal.modality}"
            + (f"; leave the codec out to use {fitting!r}" if fitting else "")
        )
    return codec


def decompress_signal(
    data: bytes, codec: Any = None, *, max_elements: int = container.MAX_ELEMENTS, scale: int = 1, **options: Any
) -> Signal:
    """As `decompress`, with the metadata. `max_elements` bounds what is decoded. options: threads, progress."""
    file = (container.unpack if scale == 1 else container.unpack_start)(data, max_elements=max_elements)
    codec = codec_of_file(file, codec)
    options = options_of(codec, **options) | _scaled(codec, scale)
    try:
        return codec.unpack(file, **options)
    except TinifyError:
        raise
    except Exception as error:  # every check sum fits, and still the codec stumbles: the file was made to do that
        raise FormatError(
            f"codec {file.codec!r} cannot decode this file: {type(error).__name__}: {error}; "
            "it is damaged or was not made by this codec"
        ) from error


def load(name: str | os.PathLike) -> Any:
    """The pretrained codec of that name, of a folder with codec.toml or of a codec file (`tinify fit` writes them);
    loaded once and kept. Errors: those of
    `zoo.load` and `codec_file.load`."""
    key: Any = os.path.abspath(name) if zoo.is_folder(name) else os.fspath(name)
    read = zoo.load
    if codec_file.is_named(name):
        key, read = _state_of(name), codec_file.load
    with _lock:
        if key not in _codecs:
            _codecs[key] = read(name)
        return _codecs[key]


def to_signal(x: Any, codec: Any = None) -> Signal:
    """The signal that an array, a Signal or a path is; a codec's modality decides where an array could be either."""
    if isinstance(x, Signal):
        return x
    if isinstance(x, (str, os.PathLike)):
        from tinify import media

        found = media.open_pixels(x)
        return media.read(x) if found is None else replace(found, samples=found.samples[:])
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
    if samples.ndim == 3 and str(samples.dtype) in PEAKS and samples.shape[2] in (1, 2, 3, 4):
        return "image"
    raise InputError(
        f"an array of shape {samples.shape} and type {samples.dtype} is neither a picture, (H, W, 1 to 4) "
        "of uint8, uint16, or float32 in [0, 1], nor a series, (T, C) or (T,)"
    )


def _state_of(path: str | os.PathLike) -> Any:
    """Another value whenever the file is written anew; a file that is missing is left to its reader."""
    try:
        found = os.stat(path)
    except OSError:
        return os.path.abspath(path)
    return os.path.abspath(path), found.st_ino, found.st_size, found.st_mtime_ns


def _codec(codec: Any) -> Any:
    if hasattr(codec, "pack") and hasattr(codec, "unpack"):
        return codec
    if not isinstance(codec, (str, os.PathLike)):
        raise ConfigError(f"codec is {codec!r}; give a name, a codec file, a folder with codec.toml, or a codec")
    return load(codec)


def codec_of_file(file: container.TnfFile, codec: Any) -> Any:
    """The codec given, or the one that the file names, after a check that it has the weights that made the file.

    Where a plugin that the file needs is not here, the error says which.
    """
    try:
        codec = _codec_named(file, codec)
    except UnknownComponentError as error:
        advice = requirements.advice(container.requirements_of(file))
        if not advice:
            raise
        step = f"{advice}, if you trust where the file comes from"
        raise UnknownComponentError(f"the file was made by codec {file.codec!r}: {step} ({error})") from error
    _check_fingerprint(file, codec)
    return codec


def _codec_named(file: container.TnfFile, codec: Any) -> Any:
    if codec is None:
        if codec_file.is_named(file.codec):
            raise UnknownComponentError(
                f"the file was made with the codec file {file.codec!r} (weights {file.fingerprint.hex()}), which is "
                f"needed to read it; give it: --codec {file.codec}, or codec={file.codec!r} in Python"
            )
        zoo.find(file.codec)  # a file names a codec of the zoo; it must not make us read a folder of its choice
        codec = file.codec
    return _codec(codec)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def options_of(codec: Any, **options: Any) -> dict[str, Any]:
    """Those of the options that are given and that the codec has; only codecs of chunks or tiles have any."""
    options = _given(**options)
    for name, method in (("chunk", "pack_chunks"), ("tile", "pack_tiles")):
        if name in options and not hasattr(codec, method):
            raise ConfigError(f"codec {codec.name!r} does not work in {name}s; leave {name}={options[name]} out")
    return options if hasattr(codec, "pack_chunks") or hasattr(codec, "pack_tiles") else {}


def _scaled(codec: Any, scale: int) -> dict[str, int]:
    """InputError where the codec cannot decode at this part of the size."""
    most = 1 << getattr(codec, "halvings", 0)
    if scale == 1:
        return {}
    if not isinstance(scale, int) or scale < 1 or scale & (scale - 1) or scale > most:
        allowed = "1" if most == 1 else f"1 and powers of two up to {most}"
        raise InputError(f"scale is {scale}; codec {codec.name!r} decodes at {allowed}")
    return {"scale": scale}


def bound_for(codec: Any, max_error: Any = None, max_error_of: str = "absolute", lossless: bool = False) -> dict:
    """What the codec's `pack` is to be told of an error bound; nothing without one. ConfigError where it keeps none."""
    if max_error is None and not lossless:
        return {}
    if getattr(codec, "has_lossless", False):
        return {"lossless": True} if max_error is None else {"max_error": _sample_error(max_error, max_error_of)}
    if not hasattr(codec, "pack_chunks"):
        raise ConfigError(
            f"codec {codec.name!r} keeps no error bound; codecs of series do, and of pictures those "
            "that keep every sample"
        )
    from tinify.models.series.error_bound import ErrorBound

    bound = max_error if max_error is None or isinstance(max_error, ErrorBound) else ErrorBound(max_error, max_error_of)
    return {"max_error": ErrorBound.given(bound, lossless)}


def _sample_error(max_error: Any, of: str) -> int:
    """The bound for the samples of a picture, which are whole. ConfigError where it is none."""
    if of != "absolute" or not np.isscalar(max_error) or not 0 <= max_error < 128:
        raise ConfigError(f"max_error is {max_error}, {of}; allowed for a picture: 0 to 127, absolute")
    return int(max_error)


def _opened(source: Any) -> BinaryIO:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source)
    if hasattr(source, "read"):
        return source
    try:
        return builtins.open(source, "rb")
    except OSError as error:
        raise InputError(f"{os.fspath(source)}: the file cannot be read: {error.strerror or error}") from error


def _with_axes(samples: np.ndarray, metadata: Mapping[str, bytes]) -> np.ndarray:
    axes = metadata.get(AXES)
    if axes not in (b"1", b"2") or int(axes) >= samples.ndim:
        return samples
    if samples.shape[-1] != 1:
        raise FormatError(f"samples of shape {samples.shape} cannot have had {int(axes)} axes")
    return samples[..., 0]


def check_rate(
    quality: float | None,
    target_bpp: float | None = None,
    target_psnr: float | None = None,
    max_error: Any = None,
    lossless: bool = False,
    max_bytes: int | None = None,
) -> None:
    """ConfigError unless at most one is given, and that makes sense."""
    given = {"quality": quality, "target_bpp": target_bpp, "target_psnr": target_psnr, "max_error": max_error}
    given |= {"max_bytes": max_bytes, "lossless": lossless or None}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} exclude each other; give one of them")
    if quality is not None and not 0 <= quality <= 100:
        raise ConfigError(f"quality is {quality}; allowed: 0 to 100")
    if target_bpp is not None and not target_bpp > 0:
        raise ConfigError(f"target_bpp is {target_bpp}; it must be positive")
    if target_psnr is not None and not np.isfinite(target_psnr):
        raise ConfigError(f"target_psnr is {target_psnr}; it must be a finite number of dB")
    if max_bytes is not None and not max_bytes > 0:
        raise ConfigError(f"max_bytes is {max_bytes}; it must be positive")


def _check_fingerprint(file: container.TnfFile, codec: Any) -> None:
    own = codec.fingerprint()
    if file.fingerprint != own:
        others = requirements.other_versions(container.requirements_of(file))
        raise DesyncError(
            f"the file was made by {file.codec!r} with weights {file.fingerprint.hex()}, and the "
            f"{codec.name!r} here has {own.hex()}: it would decode to something else. Install the version of "
            f"tinify-codec (or of the plugin) that wrote it{others and f' ({others})'}, or give its codec file or "
            "folder as the codec"
        )
