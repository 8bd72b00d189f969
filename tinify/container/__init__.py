# SPDX-License-Identifier: Apache-2.0
"""The `.tnf` file: self-describing, every byte checked, safe to open. Layout: docs/format.md. No torch here.

TnfFile --pack--> bytes --unpack--> TnfFile          strings --pack_strings--> payload --unpack_strings--> strings
"""

from tinify.container.index import EntryReader, pack_entries, unpack_index
from tinify.container.layout import (
    ALPHA,
    AUDIO,
    CRITICAL,
    GAPS,
    IMAGE,
    INDEX,
    MAGIC,
    MAX_ELEMENTS,
    METADATA,
    MODALITIES,
    PAYLOAD,
    POINTCLOUD,
    SERIES,
    VIDEO,
    Section,
    TnfFile,
)
from tinify.container.metadata import pack_metadata, unpack_metadata
from tinify.container.reader import inspect, unpack
from tinify.container.strings import pack_strings, unpack_strings
from tinify.container.writer import pack

__all__ = [
    "ALPHA",
    "AUDIO",
    "CRITICAL",
    "GAPS",
    "IMAGE",
    "INDEX",
    "MAGIC",
    "MAX_ELEMENTS",
    "METADATA",
    "MODALITIES",
    "PAYLOAD",
    "POINTCLOUD",
    "SERIES",
    "VIDEO",
    "EntryReader",
    "Section",
    "TnfFile",
    "inspect",
    "pack",
    "pack_entries",
    "pack_metadata",
    "pack_strings",
    "unpack",
    "unpack_index",
    "unpack_metadata",
    "unpack_strings",
]
