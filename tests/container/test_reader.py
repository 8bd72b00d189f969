# SPDX-License-Identifier: Apache-2.0
"""What the reader says about files that are later, foreign, or not files at all; and `inspect`."""

import json
from dataclasses import replace

import pytest

from tinify.container import CRITICAL, INDEX, METADATA, PAYLOAD, Section, TnfFile, inspect, pack, pack_entries, unpack
from tinify.errors import FormatError, LimitError

from .files import body, every_section, raw_file, still_picture


def test_an_unknown_section_is_skipped():
    data = raw_file(body(), [(7, b"later"), (PAYLOAD, b"data")])
    assert unpack(data).sections == (Section(PAYLOAD, b"data"),)


def test_an_unknown_critical_section_is_refused_with_the_next_step():
    data = raw_file(body(), [(7 | CRITICAL, b"later")])
    with pytest.raises(FormatError, match=r"kind 7.*upgrade"):
        unpack(data)
    assert inspect(data)["sections"][0]["name"] == "unknown"


def test_a_critical_section_of_a_known_kind_is_delivered():
    assert unpack(raw_file(body(), [(20 | CRITICAL, b"own")])).find(20) == b"own"


def test_another_major_version_says_to_upgrade():
    data = raw_file(body(), [], version=2)
    with pytest.raises(FormatError, match=r"version 2 .*upgrade"):
        unpack(data)


def test_a_codec_has_a_name_or_a_number():
    assert unpack(raw_file(body(codec=b"\x82"), [])).codec == "series-mixing"
    assert len(pack(replace(still_picture(), codec="series-mixing-2"))) == len(pack(still_picture())) + 15
    with pytest.raises(FormatError, match=r"codec number 127 is unknown.*upgrade"):
        unpack(raw_file(body(codec=b"\xff"), []))


@pytest.mark.parametrize("code", [6, 15])
def test_an_unknown_modality_says_to_upgrade(code):
    with pytest.raises(FormatError, match="upgrade"):
        unpack(raw_file(body(), [], modality=code))


def test_an_unknown_dtype_says_to_upgrade():
    with pytest.raises(FormatError, match="upgrade"):
        unpack(raw_file(body(kind=0x2F), []))


def test_a_file_sent_as_text_is_recognised():
    with pytest.raises(FormatError, match="sent as text"):
        unpack(pack(still_picture()).replace(b"y", b"\r\n").replace(b"\r\n", b"\n"))


def test_sections_after_the_last_or_without_a_last_are_refused():
    with pytest.raises(FormatError, match="before section 2"):
        unpack(raw_file(body(), [(PAYLOAD, b"data")], last=False))
    with pytest.raises(FormatError, match="index is the last"):
        unpack(raw_file(body(), [(INDEX, b"\0\0")]))
    with pytest.raises(FormatError, match="index cannot be the last"):
        pack(replace(still_picture(), sections=pack_entries([])[:1]))


@pytest.mark.parametrize("data", [b"GIF89a", b"\x89PNG\r\n\x1a\n and so on", b"plain text"])
def test_another_kind_of_file_is_recognised(data):
    with pytest.raises(FormatError, match=r"not a \.tnf file"):
        unpack(data)


def test_bytes_after_the_end_are_an_error():
    with pytest.raises(FormatError, match="CRC"):
        unpack(pack(still_picture()) + b"\0")


def test_a_service_can_lower_the_limit_on_the_shape():
    data = pack(still_picture())
    assert unpack(data, max_elements=512 * 768 * 3).shape == (512, 768, 3)
    with pytest.raises(LimitError):
        unpack(data, max_elements=512 * 768 * 3 - 1)


def test_require_names_the_missing_section():
    file = TnfFile("image", "demo", bytes(4), (1,), "uint8")
    assert file.find(METADATA) is None
    with pytest.raises(FormatError, match=r"demo.*metadata"):
        file.require(METADATA)
    assert every_section().require(16) == b"codec's own"


def test_inspect_tells_all_sizes_in_values_that_json_holds():
    data = pack(every_section())
    record = json.loads(json.dumps(inspect(data)))
    assert record["modality"] == "series" and record["codec"] == "tokenizer" and record["version"] == 1
    assert record["shape"] == [1000, 3] and record["dtype"] == "float64" and record["bytes"] == len(data)
    assert record["fingerprint"] == "00010203"
    sizes = [section["bytes"] for section in record["sections"]]
    assert sizes == [len(section.data) for section in every_section().sections]
    assert record["overhead_bytes"] == len(data) - sum(sizes)
    first, own, index = record["sections"][0], record["sections"][3], record["sections"][4]
    assert index["name"] == "index" and index["entries"] == 3
    assert first["entries"] == {"icc": 320, "note": 1}
    assert own["critical"] and own["kind"] == 16
    assert data[own["offset"] : own["offset"] + own["bytes"]] == b"codec's own"


def test_inspect_refuses_a_damaged_file():
    data = bytearray(pack(still_picture()))
    data[-1] ^= 1
    with pytest.raises(FormatError, match="CRC"):
        inspect(data)
