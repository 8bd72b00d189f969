# SPDX-License-Identifier: Apache-2.0
"""Files to signals and back.

    photo.jpg, log.csv, x.npy --read--> Signal (samples, metadata) --write--> a file of the same kind

Formats are components of kind "media" whose targets are `MediaFormat` instances, so that a plugin can add one. Core's:

    image   tinify.media.image:FORMAT    pictures through Pillow
    csv     tinify.media.csv:FORMAT      series with header, time column and other columns
    numpy   tinify.media.arrays:FORMAT   .npy and .npz arrays of one or two dimensions
"""

from tinify.media.choice import formats, read, usual_extension, write
from tinify.media.csv import cut
from tinify.media.files import check_free, move_whole, read_bytes, write_whole
from tinify.media.format import MediaFormat
from tinify.media.pixels import open_pixels, write_pixels, writes_pixels
from tinify.media.rows import open_rows, write_rows

__all__ = [
    "MediaFormat",
    "check_free",
    "cut",
    "formats",
    "move_whole",
    "open_pixels",
    "open_rows",
    "read",
    "read_bytes",
    "usual_extension",
    "write",
    "write_pixels",
    "write_rows",
    "write_whole",
    "writes_pixels",
]
