# SPDX-License-Identifier: Apache-2.0
"""The alpha channel without loss: constant ones in a byte, others as lossless WebP or PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tinify.errors import FormatError

_WEBP_SIDE = 16383  # WebP's limit


def pack_alpha(alpha: np.ndarray) -> bytes:
    """(H, W) uint8 or uint16 -> bytes: the one value there is, or a picture file."""
    if (alpha == alpha.flat[0]).all():
        return int(alpha.flat[0]).to_bytes(alpha.itemsize, "little")
    out = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(alpha))
    if max(alpha.shape) <= _WEBP_SIDE and alpha.dtype == np.uint8:
        picture.save(out, "WEBP", lossless=True, quality=100, method=4)
    else:
        picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def unpack_alpha(data: bytes, size: tuple[int, int], scale: int = 1, dtype: str = "uint8") -> np.ndarray:
    """Undoes `pack_alpha` for a picture of `size` (H, W), or gives means of scale x scale. FormatError when the bytes
    do not hold that."""
    if len(data) == np.dtype(dtype).itemsize:
        return np.full([-(-side // scale) for side in size], int.from_bytes(data, "little"), dtype=dtype)
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP", "PNG")) as picture:
            if picture.size != size[::-1]:
                raise FormatError(f"the alpha channel is {picture.size[::-1]}, the picture {size}")
            if dtype == "uint16":
                return _means(np.asarray(picture), scale)
            grey = picture.convert("L")
            return np.asarray(grey if scale == 1 else grey.reduce(scale))
    except FormatError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders do
        raise FormatError(f"the alpha channel cannot be read: {error}") from error


def _means(alpha: np.ndarray, scale: int) -> np.ndarray:
    """Of scale x scale values, or of what there is of them at the ends."""
    if alpha.dtype != np.uint16:
        raise FormatError(f"the alpha channel has {alpha.dtype}, the picture uint16")
    if scale == 1:
        return alpha
    sums, counts = alpha.astype(np.float64), np.ones(alpha.shape)
    for axis in (0, 1):
        starts = np.arange(0, alpha.shape[axis], scale)
        sums, counts = (np.add.reduceat(values, starts, axis=axis) for values in (sums, counts))
    return np.round(sums / counts).astype(np.uint16)
