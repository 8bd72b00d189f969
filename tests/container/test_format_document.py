# SPDX-License-Identifier: Apache-2.0
"""docs/format.md tells the truth: its worked example is what `pack` writes, its limits are the constants."""

import re
from pathlib import Path

from tinify.container import PAYLOAD, Section, TnfFile, layout, pack, pack_strings, unpack

DOCUMENT = (Path(__file__).parents[2] / "docs" / "format.md").read_text()


def example_lines() -> list[tuple[bytes, str]]:
    block = re.search(r"```text\n(.*?)```", DOCUMENT, re.S).group(1)
    rows = (re.match(r"((?:[0-9a-f]{2} )+) +(.*)", line) for line in block.splitlines())
    return [(bytes.fromhex(row.group(1)), row.group(2)) for row in rows]


def test_the_worked_example_is_what_the_writer_writes():
    payload = Section(PAYLOAD, pack_strings([[b"abc"], [b"de"]]))
    file = TnfFile("image", "demo", bytes(range(4)), (2, 3, 1), "uint8", b"\x2a", (payload,))
    assert b"".join(data for data, _ in example_lines()) == pack(file)
    assert unpack(pack(file)) == file


def test_the_lengths_named_in_the_example_are_right():
    *lines, (_, note) = example_lines()
    assert note == f"CRC of the {sum(len(data) for data, _ in lines)} bytes above"


def test_the_limits_and_codes_of_the_document_are_the_constants():
    assert layout.MAX_PARAMS == 1 << 20 and "at most 1 MiB" in DOCUMENT
    assert layout.MAX_ELEMENTS == 1 << 31 and "at most 2^31" in DOCUMENT
    assert layout.MAX_SECTION == layout.MAX_INDEXED == 1 << 40 and "2^40" in DOCUMENT
    assert layout.MAX_SECTIONS == 1024 and "at most 1024" in DOCUMENT
    for name, number in layout.CODECS.items():
        assert f"{number} {name}" in DOCUMENT
    for name, code in (
        ("bool", 0),
        ("uint8", 1),
        ("uint64", 4),
        ("int8", 5),
        ("int64", 8),
        ("float16", 9),
        ("float64", 11),
    ):
        assert layout.DTYPES.index(name) == code
    for kind, name in layout.SECTION_NAMES.items():
        assert f"{kind} {name}" in DOCUMENT
