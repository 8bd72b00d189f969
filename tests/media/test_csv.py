# SPDX-License-Identifier: Apache-2.0
"""CSV files come back as a user expects: same names, order, times, text; only the numbers of channels may change."""

import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinify.errors import FormatError, InputError, TinifyError
from tinify.media import csv
from tinify.signal import Signal


def read(text: str | bytes) -> Signal:
    return csv.read(text.encode() if isinstance(text, str) else text)


def written(signal: Signal, extension: str = ".csv") -> bytes:
    file = io.BytesIO()
    csv.write(signal, file, extension)
    return file.getvalue()


SENSORS = """timestamp,temperature,count,state,flow
2024-03-01 00:00:00,21.50,3,ok,0.125
2024-03-01 00:10:00,,4,ok,0.1
2024-03-01 00:20:00,21.75,-5,"open, door",
2024-03-01 00:30:00,22.00,6,,1.5
"""

FILES = {
    "header, time, gaps, integers, text": SENSORS,
    "no header": "1.5,2\n2.5,3\n4.5,1\n",
    "one row": "a,b\n1.5,2\n",
    "one row, no header": "1.5,2\n",
    "zero rows": "time,a,b\n",
    "one column": "value\n1.5\n2.5\n0.5\n",
    "one column with gaps": "value\n1.5\n\n2.5\n\n",
    "one number": "5\n",
    "no last line end": "a,b\n1,5\n3,4",
    "CRLF": "a,b\r\n1,2\r\n3,5\r\n",
    "old Mac line ends": "a,b\r1,2\r3,5\r",
    "BOM": "\ufeffa,b\n1,2\n3,5\n",
    "semicolons": "a;b\n1.5;2\n3.5;4\n",
    "semicolons and decimal commas": "Zeit;Wert;n\n2024-01-01;1,50;2\n2024-01-02;-0,25;7\n",
    "one column of decimal commas": "x\n1,5\n2,5\n3,0\n",
    "semicolons and decimal commas, no header": "1,5;2,5\n3,5;1,5\n",
    "tabs": "a\tb\n1\t2\n5\t4\n",
    "bars": "a|b\n1|2\n5|4\n",
    "spaces after commas": "a, b\n1, 2\n5, 4\n",
    "all quoted": '"a","b"\n"1","x"\n"5","y"\n',
    "strings quoted": '"a","b"\n1,"x"\n5,"y"\n',
    "names quoted": '"a","b"\n1,x\n5,y\n',
    "quotes, delimiters and line ends in cells": 'a,b\n1,"x ""y"", z"\n5,"two\nlines"\n',
    "comment lines": "# station 5\n# unit: K\na,b\n1,2\n5,4\n",
    "names after a #": "#a,b\n1,2\n5,4\n",
    "trailing empty lines": "a,b\n1,2\n5,4\n\n\n",
    "pandas index": ",a\n0,1.5\n1,2.5\n2,0.5\n",
    "duplicate and empty names": "a,a,\n1,2,3\n5,4,3\n",
    "accents": "größe,ß\n1,é\n5,ü\n",
    "NaN words": "a,b\nNaN,1\n2.5,NaN\n",
    "mixed gap words": "a,b\nNaN,1\n,2\nNA,7\n1.5,\n",
    "constant": "a,b\n1.0,3\n1.0,4\n1.0,9\n",
    "long floats": "a\n0.1234567890123456\n12.5\n",
    "exponents": "a\n1e-07\n2.5e+20\n",
    "epoch": "epoch,v\n1700000000,1\n1700000060,5\n1700000125,2\n",
    "time of increasing decimals": "time (s),v\n0.00,1\n0.25,5\n0.75,2\n",
    "identifiers": "sensor_id,zip,v\n17,01234,1.5\n4,00007,2.5\n",
    "huge integers": "big,v\n12345678901234567890,1.5\n98765432109876543210,2.5\n",
    "infinity": "a,v\ninf,1.5\n1,2.5\n",
    "two time columns": "start,stop,v\n2024-01-01,2024-01-02,1.5\n2024-01-03,2024-01-05,2.5\n",
}


@pytest.mark.parametrize("name", FILES)
def test_unchanged_samples_give_the_same_file(name):
    data = FILES[name].encode()
    assert written(read(data)) == data


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_other_encodings_come_back(encoding):
    data = "größe,v\n1.5,2\n2.5,7\n".encode(encoding)
    assert written(read(data)) == data
    assert read(data).samples.tolist() == [[1.5, 2], [2.5, 7]]


def test_number_columns_are_the_channels_and_gaps_are_nan():
    signal = read(SENSORS)
    assert signal.modality == "series" and signal.samples.dtype == np.float64
    expected = [[21.5, 3, 0.125], [np.nan, 4, 0.1], [21.75, -5, np.nan], [22, 6, 1.5]]
    np.testing.assert_array_equal(signal.samples, expected)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("no header", (3, 2)),
        ("one row", (1, 2)),
        ("zero rows", (0, 3)),
        ("one column with gaps", (4, 1)),
        ("one number", (1, 1)),
        ("semicolons and decimal commas", (2, 2)),
        ("pandas index", (3, 1)),
        ("epoch", (3, 1)),
        ("time of increasing decimals", (3, 1)),
        ("identifiers", (2, 1)),
        ("huge integers", (2, 1)),
        ("infinity", (2, 1)),
        ("two time columns", (2, 1)),
        ("constant", (3, 2)),
        ("duplicate and empty names", (2, 3)),
    ],
)
def test_what_is_a_channel(name, shape):
    assert read(FILES[name]).samples.shape == shape


def test_changed_samples_keep_everything_else():
    signal = read(SENSORS)
    changed = replace(signal, samples=signal.samples + 0.3)
    assert written(changed).decode() == (
        "timestamp,temperature,count,state,flow\n"
        "2024-03-01 00:00:00,21.80,3,ok,0.425\n"
        "2024-03-01 00:10:00,,4,ok,0.4\n"
        '2024-03-01 00:20:00,22.05,-5,"open, door",\n'
        "2024-03-01 00:30:00,22.30,6,,1.8\n"
    )


def test_float32_samples_of_a_codec_are_written_too():
    signal = read(SENSORS)
    assert written(replace(signal, samples=signal.samples.astype(np.float32))) == SENSORS.encode()


def test_a_regular_time_column_costs_some_bytes():
    stamps = (np.datetime64("2024-03-01T00:00", "m") + 15 * np.arange(50_000)).astype(str)
    rows = [f"{stamp.replace('T', ' ')}:00,{number % 7}.5" for number, stamp in enumerate(stamps)]
    signal = read("date,load\n" + "\n".join(rows) + "\n")
    assert len(signal.metadata["time"]) + len(signal.metadata["csv"]) < 80


def test_a_time_that_does_not_increase_is_a_measurement():
    assert read("time,v\n3.5,1\n2.5,9\n3.0,4\n").samples.shape == (3, 2)


def test_row_numbers_alone_are_a_series():
    data = b"n\n1\n2\n3\n4\n"
    assert read(data).samples.ravel().tolist() == [1, 2, 3, 4] and written(read(data)) == data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3\n", "line 3 has 1 fields where the first row has 2"),
        ("a,b\n1,2\n3,4,5\n6,7\n", "line 3 has 3 fields"),
        ('a,b\n1,"two\nlines"\n3\n', "line 4 has 1 fields"),
        ("\n\n", "rows|numbers"),
        ("a,b\nx,y\n", "no column holds numbers"),
        ('a,b\n1,"never closed\n', "line"),
        ("a,b\n1,\x002\n", "line 2 holds a zero byte"),
    ],
)
def test_what_is_no_series_says_where_and_why(text, words):
    with pytest.raises(InputError, match=words):
        read(text)


def test_a_series_that_came_from_elsewhere_gets_names():
    assert written(Signal("series", np.array([[1, 2], [3, 4]]))) == b"x0,x1\n1,2\n3,4\n"
    floats = np.array([[0.1, np.nan]], dtype=np.float32)
    assert written(Signal("series", floats), ".tsv") == b"x0\tx1\n0.1\t\n"


def test_a_picture_is_not_written_as_csv():
    with pytest.raises(InputError, match="npy"):
        written(Signal("image", np.zeros((2, 2, 3), np.uint8)))


def test_the_extension_of_the_original_is_known():
    assert csv.restores(read(FILES["tabs"])) == ".tsv"
    assert csv.restores(read(SENSORS)) == ".csv"
    assert csv.restores(Signal("series", np.zeros((2, 1)))) is None


@pytest.mark.parametrize(
    ("start", "fits"),
    [
        (SENSORS.encode(), True),
        (b"1\n2\n", True),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"PK\x03\x04\x00", False),
        (b"just words", False),
        ("a;1\n".encode("utf-16"), True),
    ],
)
def test_text_with_numbers_is_recognised(start, fits):
    assert csv.sniff(start) is fits


names = st.lists(st.text("abcxyz _é,;\"'", min_size=1, max_size=6).map(lambda name: "n" + name), min_size=2, max_size=4)
values = st.one_of(st.integers(-999, 999).map(str), st.decimals(-99, 99, places=2).map(str), st.just(""))


@settings(max_examples=200)
@given(names, st.data())
def test_any_table_comes_back_cell_by_cell(header, data):
    width = len(header)
    rows = data.draw(st.lists(st.lists(values, min_size=width, max_size=width), min_size=1, max_size=8))
    rows = [["1.25", *row[1:]] for row in rows]
    import csv as standard

    text = io.StringIO()
    standard.writer(text, lineterminator="\n").writerows([header, *rows])
    back = list(standard.reader(io.StringIO(written(read(text.getvalue())).decode(), newline="")))
    assert back[0] == header

    def meaning(cell):
        return float(cell) if cell else None

    assert [[meaning(cell) for cell in row] for row in back[1:]] == [[meaning(cell) for cell in row] for row in rows]


@given(st.text(max_size=200))
def test_any_text_is_a_series_or_an_input_error(text):
    try:
        signal = read(text.encode("utf-8", "replace"))
    except InputError:
        return
    assert isinstance(written(signal), bytes)


@settings(max_examples=200)
@given(st.data())
def test_damaged_metadata_is_a_format_error_or_text(data):
    signal = read(SENSORS)
    metadata = dict(signal.metadata)
    name = data.draw(st.sampled_from(["csv", "time"]))
    broken = bytearray(metadata[name])
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    metadata[name] = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    with contextlib.suppress(TinifyError):
        written(replace(signal, metadata=metadata))


def test_a_description_of_other_channels_is_a_format_error():
    signal = read(SENSORS)
    with pytest.raises(FormatError, match="channels"):
        written(replace(signal, samples=signal.samples[:, :2]))
