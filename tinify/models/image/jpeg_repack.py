# SPDX-License-Identifier: Apache-2.0
"""A JPEG file in a `.tnf` file: its own coefficients under `BlockPlanes`, and all else that it has.

    skeleton, details ─► JPEG section                      params: 1 where the blocks that fill up MCUs are coded, too
    blocks ─► planes along the zigzag ─► payload section

The picture comes from it as from any other file, and the JPEG file itself byte for byte.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tinify.container import CRITICAL, PAYLOAD, Section, TnfFile, pack_strings, unpack_first_strings, unpack_strings
from tinify.container.jpeg_markers import ZIGZAG, Markers, parse
from tinify.errors import FormatError, InputError
from tinify.latent_codecs.block_planes import LARGEST_VALUE
from tinify.models.image.jpeg_pixels import pixels
from tinify.models.image.jpeg_skeleton import pack_skeleton, unpack_skeleton
from tinify.signal import Signal

if TYPE_CHECKING:
    from tinify.models.image.jpeg_like import JpegLike

JPEG = 16 | CRITICAL
_ORDER = np.array(ZIGZAG)
_ORIENTATION, _TURNED = 0x0112, (5, 6, 7, 8)


def holds_jpeg(file: TnfFile) -> bool:
    """Whether a file holds a JPEG file, and not only its picture."""
    return file.find(JPEG) is not None


@torch.no_grad()
def pack_jpeg(codec: JpegLike, skeleton: bytes, blocks: tuple[np.ndarray, ...], details: bytes) -> TnfFile:
    """The file of a JPEG's parts, as `tinify.media.jpeg` splits it. InputError for tables of steps that none can be."""
    markers = parse(skeleton, skeleton=True)
    components = markers.frame.components
    real = all(b.shape[:2] == (c.real_rows, c.real_columns) for b, c in zip(blocks, components, strict=True))
    planes = [np.ascontiguousarray(block.transpose(2, 0, 1)[_ORDER], np.int32) for block in blocks]
    if any(np.abs(q).max(initial=0) > LARGEST_VALUE for q in planes):
        raise InputError(f"the JPEG file has coefficients beyond {LARGEST_VALUE}; use `tinify compress`")
    try:
        strings = codec.planes.encode(planes, _steps(markers))
    except FormatError as error:
        raise InputError(str(error)) from error
    upright = _shape(markers, _image(skeleton))
    sections = Section(JPEG, pack_skeleton(skeleton, details)), Section(PAYLOAD, pack_strings([[s] for s in strings]))
    return TnfFile("image", codec.name, codec.fingerprint(), upright, "uint8", bytes([not real]), sections)


@torch.no_grad()
def unpack_jpeg(codec: JpegLike, file: TnfFile) -> tuple[bytes, tuple[np.ndarray, ...], bytes]:
    """(skeleton, blocks, details): the parts of the JPEG file. FormatError, DesyncError, LimitError."""
    skeleton, details, markers, _ = _parsed(file)
    strings = [stream[0] for stream in unpack_strings(file.require(PAYLOAD)) if stream]
    planes = codec.planes.decode(strings, _sizes(markers, file), _steps(markers))
    blocks = [np.empty((*q.shape[1:], len(q)), np.int16) for q in planes]
    for block, q in zip(blocks, planes, strict=True):
        block[..., _ORDER] = q.transpose(1, 2, 0)
    return skeleton, tuple(blocks), details


@torch.no_grad()
def unpack_pixels(codec: JpegLike, file: TnfFile, scale: int = 1) -> Signal:
    """The picture of the JPEG file, upright, or at 1 / scale (1, 2, 4, 8) of its size."""
    if scale not in (1, 2, 4, 8):
        raise InputError(f"scale is {scale}; allowed: 1, 2, 4, 8")
    _, _, markers, image = _parsed(file)
    skip = scale.bit_length() - 1
    streams = (unpack_strings if scale == 1 else unpack_first_strings)(file.require(PAYLOAD))
    wanted = codec.halvings + 1 - skip
    if len(streams) < wanted:
        raise FormatError(f"{len(streams)} streams; a picture at 1 / {scale} of its size needs {wanted}")
    planes = codec.planes.decode([s[0] for s in streams[:wanted] if s], _sizes(markers, file), _steps(markers))
    samples = pixels(markers, planes, _steps(markers), skip)
    profile = None if len(planes) == 4 else image.info.get("icc_profile")
    upright = np.ascontiguousarray(_upright(samples, image))
    return Signal("image", upright, {"icc": profile} if profile else {})


def _parsed(file: TnfFile) -> tuple[bytes, bytes, Markers, Any]:
    """(skeleton, details, markers, what Pillow reads of the headers), of the size that the file says."""
    skeleton, details = unpack_skeleton(file.require(JPEG))
    markers, image = parse(skeleton, skeleton=True), _image(skeleton)
    if file.shape != _shape(markers, image) or file.dtype != "uint8":
        raise FormatError(f"the file says {file.shape} of {file.dtype}, and its JPEG {_shape(markers, image)}")
    return skeleton, details, markers, image


def _sizes(markers: Markers, file: TnfFile) -> list[tuple[int, int]]:
    """Rows and columns of the blocks that are coded."""
    if file.params not in (b"\0", b"\1"):
        raise FormatError(f"parameters {file.params.hex()} of a JPEG file; allowed: 00 and 01")
    components = markers.frame.components
    return [(c.rows, c.columns) if file.params[0] else (c.real_rows, c.real_columns) for c in components]


def _steps(markers: Markers) -> list[np.ndarray]:
    """int64 (64,) of each component along the zigzag."""
    found = [markers.steps.get(component.table) for component in markers.frame.components]
    if any(table is None or min(table) < 1 for table in found):
        raise FormatError("the JPEG file lacks a table of steps (DQT), or has steps of 0")
    return [np.array(table, np.int64)[_ORDER] for table in found]


def _image(skeleton: bytes):
    """What Pillow reads of the headers."""
    from PIL import Image

    try:
        return Image.open(io.BytesIO(skeleton), formats=("JPEG",))
    except Exception as error:  # Pillow raises whatever its readers do
        raise FormatError(f"the headers of the JPEG file cannot be read: {error}") from error


def _orientation(image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # EXIF data that cannot be read say nothing
        return 1


def _shape(markers: Markers, image) -> tuple[int, int, int]:
    size, colours = (markers.frame.height, markers.frame.width), 1 if len(markers.frame.components) == 1 else 3
    return (*(size[::-1] if _orientation(image) in _TURNED else size), colours)


def _upright(samples: np.ndarray, image) -> np.ndarray:
    """Mirrored and turned as the orientation of EXIF asks for."""
    orientation = _orientation(image)
    if orientation in _TURNED:
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples[:, ::-1] if orientation in (2, 3, 6, 7) else samples
