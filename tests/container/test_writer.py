# SPDX-License-Identifier: Apache-2.0
"""Files come back as they were, in few bytes, and what cannot be written is refused."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.container import MAGIC, Section, TnfFile, pack, unpack
from tinify.container.layout import CRITICAL, DTYPES, INDEX, MAX_ELEMENTS
from tinify.errors import FormatError, LimitError

from .files import FINGERPRINT, every_section, still_picture

names = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=64)
kinds = st.one_of(st.integers(1, 5), st.integers(16, 63)).flatmap(lambda kind: st.sampled_from([kind, kind | CRITICAL]))
sections = st.lists(st.builds(Section, kinds, st.binary(max_size=300)), max_size=5).map(tuple)
sections = sections.filter(lambda found: not found or found[-1].kind & ~CRITICAL != INDEX)
shapes = st.lists(st.integers(0, 50), max_size=5).map(tuple)


@given(
    st.builds(
        TnfFile,
        st.one_of(st.sampled_from(["image", "series", "audio", "video", "pointcloud"]), names),
        names,
        st.binary(min_size=4, max_size=4),
        shapes,
        st.sampled_from(DTYPES),
        st.binary(max_size=300),
        sections,
    )
)
def test_any_file_comes_back_as_it_was(file):
    assert unpack(pack(file)) == file


@pytest.mark.parametrize("file", [still_picture(), every_section()])
def test_the_same_file_gives_the_same_bytes(file):
    data = pack(file)
    assert pack(unpack(data)) == data
    assert unpack(bytearray(data)) == unpack(memoryview(data)) == file


@pytest.mark.parametrize("payload_bytes", [150, 5_000, 15_000, 400_000])
def test_a_still_picture_costs_at_most_30_bytes_around_its_strings(payload_bytes):
    from tinify.container import PAYLOAD, pack_strings

    strings = [[b"y" * (payload_bytes - payload_bytes // 8)], [b"z" * (payload_bytes // 8)]]
    file = replace(still_picture(), sections=(Section(PAYLOAD, pack_strings(strings)),))
    assert len(pack(file)) - payload_bytes <= 30


def test_version_and_modality_follow_the_signature():
    data = pack(still_picture())
    assert data[:4] == MAGIC == b"\x89TNF"
    assert data[4] == 0x11


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("codec", "", "codec name"),
        ("codec", "x" * 65, "codec name"),
        ("codec", "é", "ASCII"),
        ("modality", "a\nb", "modality"),
        ("fingerprint", FINGERPRINT[:3], "3 bytes"),
        ("dtype", "complex64", "complex64"),
        ("shape", (-1, 3), "negative"),
        ("sections", (Section(0, b""),), "kind 0"),
        ("sections", (Section(64, b""),), "kind 64"),
        ("sections", (Section(300, b""),), "kind 300"),
    ],
)
def test_what_cannot_be_written_is_named(field, value, words):
    with pytest.raises(FormatError, match=words):
        pack(replace(still_picture(), **{field: value}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shape", (MAX_ELEMENTS + 1,)),
        ("shape", (1 << 16, 1 << 16)),
        ("shape", (0, MAX_ELEMENTS + 1)),
        ("shape", (1,) * 16),
        ("params", bytes((1 << 20) + 1)),
        ("sections", (Section(1, b""),) * 1025),
    ],
)
def test_what_is_beyond_a_limit_is_not_written(field, value):
    with pytest.raises(LimitError):
        pack(replace(still_picture(), **{field: value}))
