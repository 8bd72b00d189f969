# SPDX-License-Identifier: Apache-2.0
"""--max-error and --lossless on the command line."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinify import container

CODEC = ["--codec", "series-mixing"]


def numbers(path):
    """The columns of a CSV file after the first, NaN where a field is empty."""
    with open(path, newline="") as file:
        rows = list(csv.reader(file))[1:]
    return np.array([[float(field) if field else np.nan for field in row[1:]] for row in rows])


def there_and_back(tinify, source, *options):
    target = f"back{Path(source).suffix}"
    result = tinify("compress", source, "x.tnf", "-f", *CODEC, *options)
    assert result.code == 0, result.err
    result = tinify("decompress", "x.tnf", target, "-f")
    assert result.code == 0, result.err
    return target


@pytest.fixture
def sensor(here):
    """Readings of two and of four decimals, one column with gaps, rows numbered."""
    random = np.random.default_rng(0)
    walk = random.normal(size=2000).cumsum()
    rows = [f"{i},{x:.2f},{np.sin(i / 50) if i % 90 else np.nan:.4f}" for i, x in enumerate(walk)]
    (here / "sensor.csv").write_text("row,level,swing\n" + "\n".join(rows).replace("nan", "") + "\n")
    return "sensor.csv"


@pytest.mark.parametrize("given", ["0.03", "1%", "0.1s", "0.1 sigma"])
def test_a_bound_is_absolute_or_of_the_range_or_of_the_deviation(tinify, sensor, given):
    x = numbers(sensor)
    unit = {"0.03": np.full(2, 0.03), "1%": 0.01 * (np.nanmax(x, axis=0) - np.nanmin(x, axis=0))}
    eps = unit.get(given, 0.1 * np.nanstd(x, axis=0))
    y = numbers(there_and_back(tinify, sensor, "--max-error", given))
    assert np.array_equal(np.isnan(x), np.isnan(y))
    off = np.nanmax(np.abs(x - y), axis=0)
    assert (off <= eps + 1e-12).all() and (off > 0.5 * eps).all()
    assert np.allclose(y[:, 0], np.round(y[:, 0], 2), atol=0)


@pytest.mark.parametrize("chunk", [[], ["--chunk", 300]])
def test_a_table_comes_back_to_the_byte(tinify, sensor, here, chunk):
    assert Path(there_and_back(tinify, sensor, "--lossless", *chunk)).read_bytes() == Path(sensor).read_bytes()
    (here / "counts.csv").write_text("a,b\n" + "".join(f"{i * i % 97},{1000 * i}\n" for i in range(500)))
    same = there_and_back(tinify, "counts.csv", "--lossless", *chunk)
    assert Path(same).read_bytes() == Path("counts.csv").read_bytes()


def test_an_array_that_is_on_no_grid_comes_back_to_the_byte(tinify, here):
    x = np.random.default_rng(0).normal(size=(300, 2))
    x[5, 0], x[9, 1] = np.nan, -np.inf
    np.save("x.npy", x)
    assert Path(there_and_back(tinify, "x.npy", "--lossless")).read_bytes() == Path("x.npy").read_bytes()


def test_a_bound_of_the_range_is_of_all_chunks(tinify, here):
    x = np.random.default_rng(0).normal(size=(4000, 2)).cumsum(axis=0).astype(np.float32)
    np.save("x.npy", x)
    y = np.load(there_and_back(tinify, "x.npy", "--max-error", "1%", "--chunk", 500))
    assert len(container.EntryReader(Path("x.tnf").read_bytes())) == 8
    eps = 0.01 * np.ptp(x.astype(np.float64), axis=0)
    assert (np.abs(x.astype(np.float64) - y) <= eps).all()
    assert (np.abs(x[:500].astype(np.float64) - y[:500]).max(axis=0) > 0.8 * eps).all()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--max-error", "0.1", "--lossless"], "exclude each other"),
        (["--max-error", "1%", "--quality", "30"], "exclude each other"),
        (["--max-error", "nan"], "allowed: 0.01, 1% (of the range), 0.1s (of sigma)"),
        (["--max-error", "inf"], "allowed: 0.01, 1% (of the range), 0.1s (of sigma)"),
        (["--max-error", "-1"], "allowed: 0.01, 1% (of the range), 0.1s (of sigma)"),
        (["--max-error", "much"], "allowed: 0.01, 1% (of the range), 0.1s (of sigma)"),
    ],
)
def test_bounds_that_make_no_sense_are_explained(tinify, sensor, options, expected):
    result = tinify("compress", sensor, "x.tnf", *CODEC, *options)
    assert result.code == 2 and expected in result.err
    assert not Path("x.tnf").exists()


def test_a_picture_comes_back_within_a_bound(tinify, photo):
    assert tinify("compress", photo, "x.tnf", "--codec", "photo-best", "--max-error", "2").code == 0
    assert tinify("decompress", "x.tnf", "y.png").code == 0
    x, y = (np.asarray(Image.open(path)).astype(int) for path in (photo, "y.png"))
    assert 0 < np.abs(x - y).max() <= 2
    result = tinify("compress", photo, "z.tnf", "--codec", "photo-best", "--max-error", "1%")
    assert result.code == 2 and "0 to 127, absolute" in result.err


@pytest.mark.parametrize("option", [["--lossless"], ["--max-error", "1"]])
def test_a_picture_has_no_bound(tinify, photo, option):
    result = tinify("compress", photo, "x.tnf", *option)
    assert result.code != 0 and "keeps no error bound" in result.err
