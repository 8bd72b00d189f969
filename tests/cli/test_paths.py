# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import click
import pytest

from tinify.cli.paths import Output, Source, choose_output, expand, split_output


def is_tnf(text):
    return text.endswith(".tnf")


@pytest.mark.parametrize(
    ("paths", "option", "expected"),
    [
        (("a.png",), None, (["a.png"], None)),
        (("a.tnf",), None, (["a.tnf"], None)),
        (("a.png", "b.tnf"), None, (["a.png"], "b.tnf")),
        (("a.png", "b.png"), None, (["a.png", "b.png"], None)),
        (("a.png", "-"), None, (["a.png"], "-")),
        (("a.png", "new/"), None, (["a.png"], "new/")),
        (("a.png", "b.tnf"), "out", (["a.png", "b.tnf"], "out")),
    ],
)
def test_the_last_path_is_the_output_when_it_looks_like_one(paths, option, expected):
    assert split_output(paths, option, is_tnf) == expected


def test_an_existing_folder_is_the_output(tmp_path):
    assert split_output(("a.png", str(tmp_path)), None, is_tnf) == (["a.png"], str(tmp_path))


def test_no_path_is_wrong_usage():
    with pytest.raises(click.UsageError):
        split_output((), None, is_tnf)


def test_a_file_named_twice_is_taken_once(tmp_path):
    (tmp_path / "a.png").touch()
    assert len(expand([str(tmp_path / "a.png"), str(tmp_path)], {".png"}, False)) == 1


def test_a_name_with_brackets_that_exists_is_no_pattern(tmp_path):
    (tmp_path / "a[1].png").touch()
    assert [source.path.name for source in expand([str(tmp_path / "a[1].png")], {".png"}, False)] == ["a[1].png"]


def test_a_stream_goes_to_a_stream_unless_told():
    source = Source(None, Path("stdin"))
    assert choose_output(None, [source], ["-"]).stream
    assert choose_output("x.tnf", [source], ["-"]) == Output(file=Path("x.tnf"))
    assert Output(folder=Path("out")).target(source, ".tnf") == Path("out/stdin.tnf")


def test_a_stream_among_files_has_no_place_beside_it(tmp_path):
    sources = [Source(None, Path("stdin")), Source(tmp_path / "a.png", Path("a.png"))]
    with pytest.raises(click.UsageError, match="--output"):
        choose_output(None, sources, ["-", "a.png"])


def test_one_file_cannot_hold_several(tmp_path):
    (tmp_path / "x.tnf").touch()
    sources = [Source(Path(name), Path(name)) for name in ("a.png", "b.png")]
    with pytest.raises(click.UsageError, match="name a folder"):
        choose_output(str(tmp_path / "x.tnf"), sources, ["a.png", "b.png"])
    with pytest.raises(click.UsageError, match="one stream"):
        choose_output("-", sources, ["a.png", "b.png"])
