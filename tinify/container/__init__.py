# SPDX-License-Identifier: Apache-2.0
"""The `.tnf` file: self-describing, every byte checked, safe to open. Layout: docs/format.md. No torch here.

TnfFile --pack--> bytes --unpack--> TnfFile          strings --pack_strings--> payload --unpack_strings--> strings
"""

from tinify.container.body import pack_body, unpack_body
from tinify.container.index import EntryReader, EntryWriter, entries_of, open_entries, pack_entries, unpack_index
from tinify.container.layout import (
    ALPHA,
    AUDIO,
    CRITICAL,
    GAPS,
    IMAGE,
    INDEX,
    MAGIC,
    MAX_ELEMENTS,
    MAX_INDEXED,
    METADATA,
    MODALITIES,
    PAYLOAD,
    POINTCLOUD,
    REQUIREMENTS,
    SERIES,
    VIDEO,
    Body,
    Section,
    TnfFile,
)
from tinify.container.metadata import pack_metadata, unpack_metadata
from tinify.container.picture import is_portable
from tinify.container.reader import inspect, unpack, unpack_start
from tinify.container.requirements import check_requirements, requirements_of, with_requirements
from tinify.container.strings import pack_strings, unpack_first_strings, unpack_strings
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
    "MAX_INDEXED",
    "METADATA",
    "MODALITIES",
    "PAYLOAD",
    "POINTCLOUD",
    "REQUIREMENTS",
    "SERIES",
    "VIDEO",
    "Body",
    "EntryReader",
    "EntryWriter",
    "Section",
    "TnfFile",
    "check_requirements",
    "entries_of",
    "inspect",
    "is_portable",
    "open_entries",
    "pack",
    "pack_body",
    "pack_entries",
    "pack_metadata",
    "pack_strings",
    "requirements_of",
    "unpack",
    "unpack_body",
    "unpack_first_strings",
    "unpack_index",
    "unpack_metadata",
    "unpack_start",
    "unpack_strings",
    "with_requirements",
]
