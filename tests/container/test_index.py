# SPDX-License-Identifier: Apache-2.0
"""Random access: one entry is read and checked without the others."""

import io
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinify.container import (
    INDEX,
    METADATA,
    PAYLOAD,
    EntryReader,
    EntryWriter,
    Section,
    TnfFile,
    open_entries,
    pack,
    pack_entries,
    unpack,
    unpack_index,
)
from tinify.container.varint import put
from tinify.errors import FormatError, LimitError

from .files import body, every_section, raw_file, still_picture


class Recorder(io.BytesIO):
    """A file that adds up how much is read of it beyond its first megabyte."""

    far = 0

    def read(self, size=-1):
        position = self.tell()
        data = super().read(size)
        if position > 1 << 21:
            self.far += len(data)
        return data


def indexed(entries, common=b"") -> bytes:
    return pack(TnfFile("image", "tiles", bytes(4), (9, 9), "uint8", b"", pack_entries(entries, common)))


@given(st.lists(st.binary(max_size=40), max_size=8), st.binary(max_size=20))
def test_every_entry_comes_back(entries, common):
    reader = EntryReader(indexed(entries, common))
    assert list(reader) == entries and len(reader) == len(entries)
    assert reader.common() == common and reader.file.codec == "tiles"
    if entries:
        assert reader[-1] == entries[-1]


def test_one_entry_is_read_without_the_others():
    entries = [bytes([number]) * 400_000 for number in range(20)]
    source = Recorder(indexed(entries))
    assert EntryReader(source)[17] == entries[17]
    assert source.far < 500_000


def test_damage_in_one_entry_leaves_the_others_readable():
    data = bytearray(indexed([b"good one", b"bad one", b"good too"]))
    data[data.index(b"bad")] ^= 1
    reader = EntryReader(bytes(data))
    assert reader[0] == b"good one" and reader[2] == b"good too"
    with pytest.raises(FormatError, match="entry 1"):
        reader[1]


def test_damage_in_the_index_is_noticed():
    data = indexed([b"one", b"two"])
    start = data.index(pack_entries([b"one", b"two"])[0].data)
    for position in range(start, start + 10):
        broken = bytearray(data)
        broken[position] ^= 0x10
        with pytest.raises(FormatError):
            EntryReader(bytes(broken))


def test_a_file_without_index_says_so():
    with pytest.raises(FormatError, match="no index"):
        EntryReader(pack(still_picture()))
    assert open_entries(pack(still_picture())) is None
    assert len(open_entries(indexed([b"one", b"two"]))) == 2


@pytest.mark.parametrize("entries", [[], [b""], [b"one", b"", b"three" * 1000]])
def test_entries_that_are_written_one_by_one_give_the_same_file(entries):
    file = TnfFile("image", "tiles", bytes(4), (9, 9), "uint8", b"", (Section(METADATA, b"\0"),))
    scratch, out = io.BytesIO(), io.BytesIO()
    writer = EntryWriter(scratch)
    for entry in entries:
        writer.add(entry)
    size = writer.finish(file, out)
    whole = pack(replace(file, sections=(*file.sections, *pack_entries(entries))))
    assert out.getvalue() == whole and size == len(whole)
    assert EntryReader(out).file == file


def test_a_shape_beyond_memory_is_for_files_with_an_index():
    file = TnfFile("series", "demo", bytes(4), (1 << 35, 2), "uint8", b"", pack_entries([b"one"]))
    data = pack(file)
    assert EntryReader(data).file.shape == (1 << 35, 2)
    with pytest.raises(LimitError):
        unpack(data)
    with pytest.raises(LimitError):
        EntryReader(data, max_elements=1 << 20)
    with pytest.raises(LimitError):
        pack(replace(file, sections=()))


def test_a_section_between_index_and_payload_is_refused():
    index = pack_entries([b"x" * 50])[0].data
    with pytest.raises(FormatError, match="no payload follows"):
        EntryReader(raw_file(body(), [(INDEX, index), (16, b""), (PAYLOAD, b"x" * 50)]))


def test_an_index_that_does_not_fit_the_payload_is_refused():
    index = pack_entries([b"x" * 50])[0].data
    with pytest.raises(FormatError, match="does not cover"):
        EntryReader(raw_file(body(), [(INDEX, index), (PAYLOAD, b"short")]))


def test_a_huge_index_is_a_limit_error():
    with pytest.raises(LimitError):
        unpack_index(put(1 << 40) + bytes(50))
    with pytest.raises(LimitError):
        unpack_index(put(1) + put(0) + put(1 << 60) + bytes(8))


@given(st.binary(max_size=60))
def test_any_bytes_are_an_index_or_a_format_error(data):
    try:
        table = unpack_index(data)
    except FormatError:
        return
    assert table.shape[1] == 3


@pytest.mark.parametrize("length", range(0, 260, 7))
def test_a_cut_file_never_gives_a_wrong_entry(length):
    data = pack(every_section())[:length]
    try:
        entries = list(EntryReader(data))
    except FormatError:
        return
    assert entries == [b"first", b"", b"third entry"]


def test_mutated_files_give_the_entries_or_a_format_error():
    draw, data = random.Random(0), pack(every_section())
    right = (list(EntryReader(data)), EntryReader(data).common(), EntryReader(data).file)
    refused = 0
    for _ in range(2000):
        broken = bytearray(data)
        for _ in range(draw.choice([1, 1, 3])):
            where, action = draw.randrange(len(broken)), draw.randrange(4)
            if action == 0:
                broken[where] ^= 1 << draw.randrange(8)
            elif action == 1:
                broken[where:where] = draw.randbytes(draw.randrange(1, 9))
            elif action == 2:
                del broken[where : where + draw.randrange(1, 9)]
            else:
                broken[where : where + 8] = b"\xff" * 8
        try:
            reader = EntryReader(bytes(broken))
            assert (list(reader), reader.common(), reader.file) == right
        except FormatError:
            refused += 1
    assert refused > 1800
