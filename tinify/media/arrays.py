# SPDX-License-Identifier: Apache-2.0
"""NumPy files: `.npy` with one array, `.npz` with one series and what belongs to it.

    1-D (T,) or 2-D (T, C) -> samples (T, C); metadata "array" = how it was stored, and the other arrays of an .npz

Format of "array": varint, that many bytes of squeezed JSON, then each other array as varint and a squeezed .npy.
"""

from __future__ import annotations

import io
import json
import math
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np

from tinify.container import varint
from tinify.errors import FormatError, InputError, LimitError, TinifyError
from tinify.media.format import MediaFormat
from tinify.media.squeeze import squeeze, unsqueeze
from tinify.signal import Signal

MAX_ARRAY = 1 << 34
MAX_OTHERS = 1 << 24
MAX_MEMBERS = 1000
MAX_DESCRIPTION = 1 << 20
# Part of the format: descriptions are deflated with it.
_HINT = b'{"kind":"npz","key":"data","packed":false,"order":0,"dtype":"<i8","ndim":1,"others":["channels","time"],' + (
    b'{"kind":"npz","key":"x","packed":true,"order":0,"dtype":"<f4","ndim":2}{"kind":"npy","dtype":"<f8","ndim":2}'
)


def sniff(start: bytes) -> bool:
    """Whether the bytes begin a .npy file, or a zip whose first member is one."""
    return start.startswith(b"\x93NUMPY") or (start.startswith(b"PK\x03\x04") and b".npy" in start[30:300])


def read(data: bytes, extension: str = "") -> Signal:
    """A series from .npy or .npz. InputError when no array of it is one, LimitError when it declares too much."""
    if data.startswith(b"PK"):
        return _read_npz(data)
    return _signal(_checked(_load(data)), {"kind": "npy"}, {})


def _load(data: bytes) -> np.ndarray:
    """One .npy; what its header declares is compared with what is there before anything is allocated."""
    try:
        shape, _, dtype, start = header_of(data)
        needed, there = math.prod(shape) * dtype.itemsize, len(data) - start
        if dtype.hasobject:
            raise InputError("the array holds Python objects, which are not read for safety; save it as numbers")
        if needed > MAX_ARRAY:
            raise LimitError(f"the array declares {needed} bytes; at most {MAX_ARRAY} are allowed")
        if needed > there:
            raise InputError(f"the array needs {needed} bytes and {there} are there: the file is cut off")
        return np.load(io.BytesIO(data), allow_pickle=False)
    except TinifyError:
        raise
    except Exception as error:  # NumPy's header parser lets out whatever the tokenizer under it raises
        raise InputError(f"this is not a .npy array that NumPy can read: {error}") from error


def header_of(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """(shape, whether column follows column, dtype, where the data starts) of a .npy file; many kinds of errors."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    parse = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shape, by_columns, dtype = parse(stream)
    return shape, by_columns, dtype, stream.tell()


def _signal(array: np.ndarray, description: dict, others: dict[str, np.ndarray]) -> Signal:
    samples = np.asarray(array, plain_type(array.dtype)).reshape(len(array), -1 if array.size else _columns(array))
    metadata = describe(description, array.dtype, array.ndim, others)
    return Signal("series", np.ascontiguousarray(samples), metadata)


def describe(
    description: dict, dtype: np.dtype, dimensions: int, others: dict[str, np.ndarray] | None = None
) -> dict[str, bytes]:
    """The metadata of an array of that dtype and number of dimensions, with other arrays beside it."""
    description |= {"dtype": dtype.str, "ndim": dimensions}
    if others:
        description["others"] = list(others)
    text = squeeze(json.dumps(description, separators=(",", ":")).encode(), _HINT)
    parts = [varint.put(len(text)), text]
    for blob in [squeeze(_bytes(other)) for other in (others or {}).values()]:
        parts += [varint.put(len(blob)), blob]
    return {"array": b"".join(parts)}


def _columns(array: np.ndarray) -> int:
    return array.shape[1] if array.ndim == 2 else 1


def plain_type(dtype: np.dtype) -> np.dtype:
    """The native dtype in which the samples are given: booleans as uint8, long doubles as float64."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float64) if dtype.kind == "f" and dtype.itemsize > 8 else dtype.newbyteorder("=")


def _complaint(array: np.ndarray) -> str | None:
    """Why the array is not a series, or None when it is one."""
    if array.dtype.kind not in "buif":
        return f"its dtype {array.dtype} is not a real number"
    if array.ndim == 3:
        return f"it is 3-D {array.shape}: save a picture as PNG, or a stack of series as 2-D arrays (time, channels)"
    if array.ndim not in (1, 2):
        return f"it has {array.ndim} dimensions: a series is (time,) or (time, channels)"
    return None


def _checked(array: np.ndarray) -> np.ndarray:
    complaint = _complaint(array)
    if complaint:
        raise InputError(f"the array is not a series: {complaint}")
    return array


def _read_npz(data: bytes) -> Signal:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _check_members(members)
            arrays = {m.filename.removesuffix(".npy"): _load(archive.read(m)) for m in members}
            packed = any(m.compress_type != zipfile.ZIP_STORED for m in members)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"the .npz file is damaged or cut off: {error}") from error
    key = _main(arrays)
    main = arrays[key]
    others = {name: array for name, array in arrays.items() if name != key}
    size = sum(array.nbytes for array in others.values())
    if size > MAX_OTHERS:
        raise InputError(
            f"the arrays beside {key!r} have {size} bytes, and at most {MAX_OTHERS} are kept losslessly: "
            "save each large array in a file of its own"
        )
    order = list(arrays).index(key)
    return _signal(main, {"kind": "npz", "key": key, "packed": packed, "order": order}, others)


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    declared = sum(member.file_size for member in members)
    if declared > MAX_ARRAY or len(members) > MAX_MEMBERS:
        raise LimitError(f"the .npz declares {len(members)} arrays of {declared} bytes in all, beyond the limits")
    for member in members:
        if not member.filename.endswith(".npy"):
            raise InputError(f"{member.filename!r} in the .npz is no array; save it again with numpy.savez")


def _main(arrays: dict[str, np.ndarray]) -> str:
    """The name of the array that is the series: "x", or the only 2-D numeric one, or the only numeric 1-D one."""
    fitting = {name: array for name, array in arrays.items() if _complaint(array) is None}
    if "x" in fitting:
        return "x"
    for ndim in (2, 1):
        names = [name for name, array in fitting.items() if array.ndim == ndim]
        if len(names) == 1:
            return names[0]
        if names:
            break
    if not fitting and len(arrays) == 1:
        _checked(next(iter(arrays.values())))
    found = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in arrays.items()) or "nothing"
    raise InputError(f"it is not clear which array of the .npz is the series; name that one 'x'. It holds: {found}")


def _bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=False)
    return stream.getvalue()


def write(signal: Signal, file: BinaryIO, extension: str) -> None:
    """Writes .npy or .npz; what came from such a file gets back its dtype, dimensions, name and other arrays."""
    description, others = _described(signal.metadata)
    array = restored(signal.samples, signal.metadata)
    if extension == ".npy":
        if others:
            warnings.warn(
                f"a .npy file holds one array: {', '.join(others)} left out; write .npz to keep", stacklevel=3
            )
        file.write(_bytes(array))
        return
    key, order = description.get("key", "x"), description.get("order", 0)
    named = list(others.items())
    named.insert(order if isinstance(order, int) else 0, (str(key), array))
    compression = zipfile.ZIP_DEFLATED if description.get("packed", True) else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, value in named:
            archive.writestr(zipfile.ZipInfo(name + ".npy"), _bytes(value), compress_type=compression)


def restored(samples: np.ndarray, metadata: Mapping[str, bytes]) -> np.ndarray:
    """Samples (T, C) in the dtype and dimensions of the array that they were; FormatError."""
    dtype, dimensions = array_type(metadata, samples.dtype)
    if dtype.kind in "bui" and samples.dtype.kind == "f":
        samples = _into_range(samples, dtype)
    array = samples.astype(dtype)
    return array.reshape(-1) if dimensions == 1 else array


def array_type(metadata: Mapping[str, bytes], dtype: np.dtype) -> tuple[np.dtype, int]:
    """dtype and dimensions of the array that samples were; `dtype` and 2 where the metadata do not say. FormatError."""
    description = _described(metadata)[0]
    if "dtype" not in description:
        return dtype, 2
    try:
        dtype = np.dtype(str(description["dtype"]))
    except (TypeError, ValueError, SyntaxError) as error:
        raise FormatError(f"the file records an unknown dtype {description['dtype']!r}") from error
    if dtype.kind not in "buif":
        raise FormatError(f"the file records dtype {dtype}, which no series has")
    return dtype, 1 if description.get("ndim") == 1 else 2


def _into_range(samples: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Rounded and clipped, so that the cast to an integer dtype cannot overflow."""
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    # The float64 nearest to 2**63 - 1 is 2**63, which int64 cannot hold.
    top = float(high) if int(float(high)) <= high else np.nextafter(float(high), 0.0)
    return np.clip(np.rint(samples.astype(np.float64)), float(low), top)


def _described(metadata: Mapping[str, bytes]) -> tuple[dict, dict[str, np.ndarray]]:
    data = metadata.get("array")
    if data is None:
        return {}, {}
    text, position = _blob(data, 0, MAX_DESCRIPTION, _HINT)
    try:
        description = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"the description of the array is damaged: {error}") from error
    names = description.get("others", []) if isinstance(description, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError("the description of the array is damaged")
    others = {}
    for name in names:
        raw, position = _blob(data, position, 2 * MAX_OTHERS)
        try:
            others[name] = _load(raw)
        except InputError as error:
            raise FormatError(f"the array {name!r} in the file is damaged: {error}") from error
    return description, others


def _blob(data: bytes, position: int, limit: int, hint: bytes = b"") -> tuple[bytes, int]:
    length, position = varint.get(data, position)
    if length > len(data) - position:
        raise FormatError("the description of the array is cut off")
    return unsqueeze(data[position : position + length], limit, hint), position + length


def restores(signal: Signal) -> str | None:
    if "array" not in signal.metadata:
        return None
    return ".npz" if _described(signal.metadata)[0].get("kind") == "npz" else ".npy"


FORMAT = MediaFormat("numpy", "series", (".npy", ".npz"), sniff, read, write, restores)
