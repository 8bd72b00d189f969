# SPDX-License-Identifier: Apache-2.0
"""What is left of a file that is cut off: its head, and sections and streams as far as they go."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.container import (
    METADATA,
    PAYLOAD,
    Section,
    pack,
    pack_strings,
    unpack,
    unpack_first_strings,
    unpack_start,
    unpack_strings,
)
from tinify.errors import FormatError, LimitError

from .files import every_section, still_picture

STREAMS = [b"coarse", b"finer", b"", b"finest"]


def scalable():
    sections = (Section(METADATA, b"\0"), Section(PAYLOAD, pack_strings([[stream] for stream in STREAMS])))
    return replace(still_picture(), sections=sections)


def test_a_whole_file_is_itself():
    for file in (scalable(), every_section()):
        assert unpack_start(pack(file)) == unpack(pack(file))


def test_of_a_file_that_is_cut_the_whole_streams_are_there():
    file, data = scalable(), pack(scalable())
    begin = data.index(b"coarse")
    for length in range(begin, len(data)):
        found = unpack_start(data[:length])
        assert (found.shape, found.params, found.find(METADATA)) == (file.shape, file.params, b"\0")
        streams = [stream for (stream,) in unpack_first_strings(found.require(PAYLOAD))]
        whole = [b"coarse", b"finer", b""][: sum(begin + at <= length for at in (6, 11, 11))]
        assert streams[:3] == whole
        assert len(streams) == 4 or len(whole) < 3


def test_a_file_cut_inside_its_head_is_an_error():
    data = pack(scalable())
    for length in range(data.index(b"\1\2\3\4") + 4):
        with pytest.raises(FormatError):
            unpack_start(data[:length])
    for length in range(data.index(b"coarse")):
        with pytest.raises(FormatError):
            unpack_first_strings(unpack_start(data[:length]).require(PAYLOAD))


def test_limits_hold():
    with pytest.raises(LimitError):
        unpack_start(pack(scalable()), max_elements=100)
    with pytest.raises(LimitError):
        unpack_start(pack(scalable())[:-1], max_elements=100)


@given(st.binary(max_size=64))
def test_any_bytes_are_streams_or_a_format_error(data):
    try:
        streams = unpack_first_strings(data)
    except FormatError:
        return
    assert all(len(stream) == 1 for stream in streams)


def test_streams_of_a_whole_payload_are_those_of_unpack_strings():
    data = pack_strings([[stream] for stream in STREAMS])
    assert unpack_first_strings(data) == unpack_strings(data)
    for other in (pack_strings([]), pack_strings([[b"a", b"b"]])):
        with pytest.raises(FormatError, match="streams"):
            unpack_first_strings(other)


@given(st.integers(0, 400), st.integers(0, 7), st.integers(0, 400))
def test_damage_gives_a_format_error_or_some_file(position, bit, length):
    data = bytearray(pack(every_section()))
    data[position % len(data)] ^= 1 << bit
    with contextlib.suppress(FormatError):
        unpack_start(bytes(data[:length]))
