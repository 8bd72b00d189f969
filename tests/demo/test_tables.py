# SPDX-License-Identifier: Apache-2.0
import io

from rich.console import Console

from tinify.demo.tables import photo_figures, print_figures, series_figures


def test_rows_hold_bytes_and_ratio_of_every_codec(photo):
    rows = {row[0]: row for row in photo_figures(photo).rows}
    size = len(photo.trials[0].data)
    assert rows["tinify"][1:3] == (f"{size:,}", f"{108_000 / size:.1f}")
    assert rows["8-bit samples"][1] == "108,000"
    assert len(rows) == 2 + 4


def test_lossless_series_has_no_error(series):
    rows = {row[0]: row for row in series_figures(series).rows}
    assert rows["pcodec, lossless"][3] == "0.0000"
    assert rows["int32 samples"][1] == "1,600"


def test_table_fits_a_narrow_terminal_without_cutting_a_figure(photo, series):
    console = Console(file=io.StringIO(), width=80)
    for figures in (photo_figures(photo), series_figures(series)):
        print_figures(figures, console)
    text = console.file.getvalue()
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= 80
    assert f"{len(photo.trials[0].data):,}" in text
