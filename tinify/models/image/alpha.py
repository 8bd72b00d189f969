# SPDX-License-Identifier: Apache-2.0
"""The alpha channel without loss: constant ones in a byte, others as lossless WebP or PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from tinify.errors import FormatError

_WEBP_SIDE = 16383  # WebP's limit


def pack_alpha(alpha: np.ndarray) -> bytes:
    """(H, W) uint8 -> bytes: the one value there is, or a picture file."""
    if (alpha == alpha.flat[0]).all():
        return bytes([alpha.flat[0]])
    out = io.BytesIO()
    picture = Image.fromarray(np.ascontiguousarray(alpha))
    if max(alpha.shape) <= _WEBP_SIDE:
        picture.save(out, "WEBP", lossless=True, quality=100, method=4)
    else:
        picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def unpack_alpha(data: bytes, size: tuple[int, int], scale: int = 1) -> np.ndarray:
    """Undoes `pack_alpha` for a picture of `size` (H, W), or gives means of scale x scale. FormatError when the bytes
    do not hold that."""
    if len(data) == 1:
        return np.full([-(-side // scale) for side in size], data[0], dtype=np.uint8)
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP", "PNG")) as picture:
            if picture.size != size[::-1]:
                raise FormatError(f"the alpha channel is {picture.size[::-1]}, the picture {size}")
            grey = picture.convert("L")
            return np.asarray(grey if scale == 1 else grey.reduce(scale))
    except FormatError:
        raise
    except Exception as error:  # Pillow raises whatever its decoders do
        raise FormatError(f"the alpha channel cannot be read: {error}") from error
