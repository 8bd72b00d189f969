# SPDX-License-Identifier: Apache-2.0
"""JPEG files to smaller `.tnf` files, from which they come back byte for byte; and pictures of these as of any other.

photo.jpg --repack--> photo.tnf --restore--> photo.jpg (the same bytes)     photo.tnf --decompress--> samples
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO

from tinify import api, container
from tinify.errors import FormatError, InputError, TinifyError

CODEC = "jpeg-like"


def repack(source: bytes | str | os.PathLike | BinaryIO, codec: Any = None) -> bytes:
    """The bytes of a `.tnf` file that holds a JPEG file: its own coefficients under the codec's tables.

    codec: as `tinify.compress` takes it, a `jpeg-like` one. Every file is restored and compared before it is given.
    InputError (no JPEG, of a kind that is not supported, damaged, or no smaller: use `compress`), MissingExtraError
    (without jpeglib).
    """
    from tinify.media import jpeg, read_bytes
    from tinify.models.image.jpeg_repack import pack_jpeg

    data = read_bytes(source)
    codec = _checked(codec if hasattr(codec, "pack") else api.load(CODEC if codec is None else codec))
    parts = jpeg.split(data)
    file = pack_jpeg(codec, parts.skeleton, parts.blocks, parts.details)
    packed = container.pack(container.with_requirements(file, codec))
    if restore(packed, codec) != data:
        raise InputError("the JPEG file would not come back as it is; please report it, and use `tinify compress`")
    if len(packed) >= len(data):
        raise InputError(f"the JPEG file of {len(data)} bytes would become {len(packed)} bytes; leave it as it is")
    return packed


def restore(data: bytes, codec: Any = None) -> bytes:
    """The JPEG file in a `.tnf` file of `repack`, the same bytes; needs no extra. Errors as `tinify.decompress`;
    InputError where the file holds no JPEG."""
    from tinify.media import jpeg
    from tinify.models.image.jpeg_repack import unpack_jpeg

    file = container.unpack(data)
    if not holds_jpeg(file):
        raise InputError("the file holds no JPEG file; `tinify decompress` restores its picture")
    codec = _checked(api.codec_of_file(file, codec))
    try:
        return jpeg.join(jpeg.JpegParts(*unpack_jpeg(codec, file)))
    except TinifyError:
        raise
    except Exception as error:  # every check sum fits, and still something stumbles: the file was made to do that
        raise FormatError(f"the JPEG file cannot be restored: {type(error).__name__}: {error}") from error


def holds_jpeg(file: container.TnfFile) -> bool:
    """Whether a file holds a JPEG file, and not only its picture."""
    if file.modality != container.IMAGE:
        return False
    from tinify.models.image import jpeg_repack

    return jpeg_repack.holds_jpeg(file)


def _checked(codec: Any) -> Any:
    if not hasattr(codec, "planes"):
        raise InputError(f"codec {codec.name!r} cannot hold JPEG files; {CODEC!r} can")
    return codec
