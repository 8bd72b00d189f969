# SPDX-License-Identifier: Apache-2.0
"""The right format is chosen by extension and content, and a plugin can add one."""

import io

import numpy as np
import pytest
from PIL import Image

from tinify import media, registry
from tinify.errors import InputError, OutputExistsError
from tinify.signal import Signal

SERIES = np.array([[1.5, 2.0], [2.5, 7.0]])


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 3), "red").save(file, "PNG")
    return file.getvalue()


def test_core_brings_three_formats():
    assert {found.name for found in media.formats()} >= {"image", "csv", "numpy"}


@pytest.mark.parametrize("name", ["x.csv", "x.npy", "x.npz", "x.tsv", "X.CSV"])
def test_a_series_goes_through_every_series_format(tmp_path, name):
    path = media.write(Signal("series", SERIES), tmp_path / name)
    signal = media.read(path)
    assert signal.modality == "series" and np.array_equal(signal.samples, SERIES)
    assert media.usual_extension(signal) == path.suffix.lower()


def test_a_picture_goes_through_a_file(tmp_path):
    signal = media.read(png())
    path = media.write(signal, tmp_path / ("a" + media.usual_extension(signal)))
    assert path.suffix == ".png" and np.array_equal(media.read(str(path)).samples, signal.samples)


def test_without_a_name_the_content_decides():
    array = io.BytesIO()
    np.save(array, SERIES)
    assert media.read(io.BytesIO(png())).modality == "image"
    assert media.read(array.getvalue()).samples.shape == (2, 2)
    assert media.read(b"a,b\n1,2\n").metadata.keys() == {"csv"}


def test_a_wrong_extension_is_overruled_by_the_content(tmp_path):
    path = tmp_path / "photo.csv"
    path.write_bytes(png())
    assert media.read(path).modality == "image"


def test_the_name_hint_gives_the_extension():
    with pytest.raises(InputError, match=r"^log\.csv: line 3"):
        media.read(b"a,b\n1,2\n3\n", "log.csv")


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"", "a.csv", r"a\.csv: the file is empty"),
        (b"\x00\x01\x02", "", r"input: the content is of no known kind.*\.csv.*\.npy.*\.png"),
        (b"\x00\x01\x02", "a.png", r"a\.png: .*not a picture"),
        (b"words only", "a.txt", "no known kind"),
    ],
)
def test_what_cannot_be_read_says_which_file_and_why(data, name, words):
    with pytest.raises(InputError, match=words):
        media.read(data, name)


def test_an_unknown_extension_lists_the_known(tmp_path):
    with pytest.raises(InputError, match=r"'\.xyz'.*\.csv"):
        media.write(Signal("series", SERIES), tmp_path / "a.xyz")


def test_nothing_is_overwritten_without_being_told(tmp_path):
    path = media.write(Signal("series", SERIES), tmp_path / "a.csv")
    with pytest.raises(OutputExistsError):
        media.write(Signal("series", SERIES), path)
    media.write(Signal("series", SERIES[:1]), path, overwrite=True)
    assert media.read(path).samples.shape == (1, 2)


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    with pytest.raises(InputError, match=r"a\.png: "):
        media.write(Signal("series", SERIES), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_signal_without_history_gets_the_usual_extension():
    assert media.usual_extension(Signal("series", SERIES)) in (".csv", ".npy")
    with pytest.raises(InputError, match="plugin"):
        media.usual_extension(Signal("smell", SERIES))


def test_a_plugin_adds_a_format(tmp_path, monkeypatch):
    toy = media.MediaFormat(
        name="toy",
        modality="toy",
        extensions=(".toy",),
        sniff=lambda start: start.startswith(b"TOY"),
        read=lambda data, extension: Signal("toy", np.frombuffer(data[3:], np.uint8)),
        write=lambda signal, file, extension: file.write(b"TOY" + signal.samples.tobytes()),
        restores=lambda signal: ".toy" if signal.modality == "toy" else None,
    )
    rows, get = registry.components("media"), registry.get
    row = registry.Component("media", "toy", "nowhere:toy")
    monkeypatch.setattr(registry, "components", lambda kind=None: [*rows, row])
    monkeypatch.setattr(registry, "get", lambda kind, name: toy if name == "toy" else get(kind, name))
    signal = media.read(b"TOY\x01\x02")
    path = media.write(signal, tmp_path / ("a" + media.usual_extension(signal)))
    assert path.name == "a.toy" and media.read(path).samples.tolist() == [1, 2]
