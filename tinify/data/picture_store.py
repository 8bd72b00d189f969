# SPDX-License-Identifier: Apache-2.0
"""Decoded pictures to cut crops from: of folders, in memory, or of pack files, mapped into it.

A pack file holds decoded pictures back to back, so that nothing is decoded while training, processes of a machine
share one copy, and there may be more of them than fits into memory:

    89 54 4E 50 49 58 0D 0A   magic
    8 bytes                   where the index begins, little-endian
    pixels                    uint8 (height, width, 3) of each picture
    index                     JSON [[height, width], ...] in the order of the pixels
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from tinify.errors import FormatError, InputError

PACK_SUFFIX = ".pictures"
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
_MAGIC = b"\x89TNPIX\r\n"
_START = len(_MAGIC) + 8
_MOST_INDEX_BYTES = 1 << 30


def picture_files(folders: Iterable[Path]) -> list[Path]:
    """All pictures below the folders, in the order of their names."""
    return sorted(p for folder in folders for p in Path(folder).rglob("*") if p.suffix.lower() in SUFFIXES)


def load_picture(path: Path) -> np.ndarray:
    """(H, W, 3) uint8. InputError, which names the file, where it is no picture."""
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except Exception as error:  # Pillow raises whatever its decoders do
        raise InputError(f"{path} cannot be read as a picture: {error}") from error


def read_pictures(sources: Iterable[Path], smallest: int = 1) -> list[np.ndarray]:
    """Those of folders and pack files that have at least `smallest` rows and columns. InputError without any."""
    sources = [Path(source) for source in sources]
    for source in sources:
        if not source.exists():
            raise InputError(f"{source}: no such folder or pack file")
    pictures: list[np.ndarray] = []
    for source in sources:
        pictures += open_pack(source) if source.is_file() else _decoded(picture_files([source]))
    pictures = [picture for picture in pictures if min(picture.shape[:2]) >= smallest]
    if not pictures:
        raise InputError(f"no picture of at least {smallest}x{smallest} in {', '.join(map(str, sources))}")
    return pictures


def _decoded(files: list[Path]) -> list[np.ndarray]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(load_picture, files))


def write_pack(pictures: Iterable[np.ndarray], path: Path, tile: int = 0) -> int:
    """Writes a pack file, whole or not at all; returns the number of pictures in it.

    tile > 0 cuts pictures into parts of at most so many rows and columns, each stored on its own: a crop is then read
    from one place of a disk, and what a memory cannot hold is read faster.
    """
    shapes, part = [], path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            file.write(bytes(_START))
            for picture in (t for p in pictures for t in _tiles(p, tile)):
                file.write(np.ascontiguousarray(picture).data)
                shapes.append(picture.shape[:2])
            index = file.tell()
            file.write(json.dumps(shapes).encode())
            file.seek(0)
            file.write(_MAGIC + index.to_bytes(8, "little"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return len(shapes)


def _tiles(picture: np.ndarray, side: int) -> Iterator[np.ndarray]:
    """Parts of nearly equal size; the picture itself where it is not larger."""
    height, width = picture.shape[:2]
    rows, columns = (np.linspace(0, n, (-(-n // side) if side else 1) + 1).astype(int) for n in (height, width))
    for top, bottom in pairwise(rows):
        for left, right in pairwise(columns):
            yield picture[top:bottom, left:right]


def open_pack(path: Path) -> list[np.ndarray]:
    """Views (H, W, 3) uint8 of the pictures in a pack file, read when they are looked at. FormatError."""
    shapes, index = _read_index(path)
    ends = np.cumsum([_START, *(3 * height * width for height, width in shapes)])
    if ends[-1] != index:
        raise FormatError(f"{path}: its index is of {ends[-1] - _START} bytes of pixels; it has {index - _START}")
    if not shapes:
        return []
    pixels = np.memmap(path, np.uint8, "r")
    return [pixels[a:b].reshape(*shape, 3) for a, b, shape in zip(ends[:-1], ends[1:], shapes, strict=True)]


def _read_index(path: Path) -> tuple[list[tuple[int, int]], int]:
    with open(path, "rb") as file:
        head, size = file.read(_START), os.fstat(file.fileno()).st_size
        index = int.from_bytes(head[len(_MAGIC) :], "little")
        if not head.startswith(_MAGIC) or not _START <= index < size or size - index > _MOST_INDEX_BYTES:
            raise FormatError(f"{path}: not a pack of pictures, or not a whole one; `tinify pack-images` writes them")
        file.seek(index)
        try:
            shapes = [(int(height), int(width)) for height, width in json.loads(file.read())]
        except (ValueError, TypeError, RecursionError) as error:
            raise FormatError(f"{path}: its index is damaged: {error}") from error
    if any(min(shape) < 1 or max(shape) > 1 << 20 for shape in shapes):
        raise FormatError(f"{path}: its index has pictures of impossible sizes")
    return shapes, index
