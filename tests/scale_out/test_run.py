# SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil

import numpy as np
import pytest

from tinify import api, container, media
from tinify.errors import ConfigError, InputError, UnknownComponentError
from tinify.scale_out import Settings, run
from tinify.scale_out.places import LocalPlace, open_place

from .conftest import compress, names, save

FEW = {"a.png": 8, "sub/b.png": 9, "sub/deeper/c.png": 10}


def restore(folder, output, **options):
    return run(folder, output, Settings(verb="decompress", **options))


def rows(output):
    lines = (output / ".tinify-manifest.jsonl").read_text().splitlines()
    return {row["name"]: row for row in map(json.loads, lines) if "name" in row}


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_relative_names_stay_and_come_back(pictures, tmp_path, engine):
    folder, out, back = pictures(FEW), tmp_path / "out", tmp_path / "back"
    summary = compress(folder, out, engine=engine, quality=100)
    assert (summary.done, summary.skipped, summary.failed) == (3, 0, [])
    assert names(out) == [f"{name}.tnf" for name in FEW]
    assert container.inspect((out / "a.png.tnf").read_bytes())["codec"] == "fake-picture"
    assert restore(out, back).done == 3
    assert names(back) == list(FEW)
    for name in FEW:
        assert np.abs(media.read(back / name).samples.astype(int) - media.read(folder / name).samples).max() <= 1


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_the_bytes_are_those_of_compress(pictures, tmp_path, engine):
    folder = pictures(FEW)
    compress(folder, tmp_path / "out", engine=engine, quality=30)
    for name in FEW:
        expected = api.compress_signal(media.read(folder / name), "fake-picture", 30)
        assert (tmp_path / "out" / f"{name}.tnf").read_bytes() == expected


def test_a_second_run_skips_everything_and_writes_nothing(pictures, tmp_path):
    folder, out = pictures(FEW), tmp_path / "out"
    compress(folder, out)
    before = {name: os.stat(out / name).st_mtime_ns for name in [*names(out), ".tinify-manifest.jsonl"]}
    summary = compress(folder, out, engine="processes")
    assert (summary.done, summary.skipped) == (0, 3)
    assert {name: os.stat(out / name).st_mtime_ns for name in before} == before


def test_a_changed_input_is_done_again_and_a_new_one_is_done(pictures, tmp_path):
    folder, out = pictures(FEW), tmp_path / "out"
    compress(folder, out)
    save(folder / "sub/b.png", 20)
    save(folder / "new.png", 21)
    summary = compress(folder, out)
    assert (summary.done, summary.skipped) == (2, 2)
    assert container.inspect((out / "sub/b.png.tnf").read_bytes())["shape"][0] == 20


@pytest.mark.parametrize("changed", [{"quality": 90}, {"target_psnr": 40.0}, {"codec": "deadly-picture"}])
def test_other_settings_do_everything_again(pictures, tmp_path, changed):
    folder, out = pictures(FEW), tmp_path / "out"
    compress(folder, out)
    assert compress(folder, out, **changed).done == 3
    assert compress(folder, out, **changed).skipped == 3


@pytest.mark.parametrize("of", [{"tile": 0}, {"max_error": 0}, {"max_error": np.zeros(3)}, {"lossless": True}])
def test_nought_is_a_setting(of, codecs):
    plain, other = Settings(codec="fake-picture").described(), Settings(codec="fake-picture", **of).described()
    assert Settings.name_of(plain) != Settings.name_of(other)


def test_threads_are_no_other_settings(pictures, tmp_path):
    folder, out = pictures(FEW), tmp_path / "out"
    compress(folder, out)
    assert compress(folder, out, threads=1).skipped == 3


@pytest.mark.parametrize("how", ["gone", "cut off"])
def test_an_output_that_is_not_as_it_was_is_done_again(pictures, tmp_path, how):
    folder, out = pictures(FEW), tmp_path / "out"
    compress(folder, out)
    whole = (out / "a.png.tnf").read_bytes()
    if how == "gone":
        (out / "a.png.tnf").unlink()
    else:
        (out / "a.png.tnf").write_bytes(whole[:-1])
    assert compress(folder, out).done == 1
    assert (out / "a.png.tnf").read_bytes() == whole


def test_what_no_run_made_is_kept_unless_told(pictures, tmp_path):
    folder, out = pictures(FEW), tmp_path / "out"
    out.mkdir()
    (out / "a.png.tnf").write_bytes(b"precious")
    summary = compress(folder, out)
    assert (summary.done, [row["exit_code"] for row in summary.failed]) == (2, [8])
    assert "a.png.tnf exists already and is not of an earlier run" in summary.failed[0]["error"]
    assert (out / "a.png.tnf").read_bytes() == b"precious"
    assert len(compress(folder, out).failed) == 1
    assert compress(folder, out, force=True).failed == []


def test_what_came_while_a_run_was_at_it_is_kept_by_the_next(pictures, tmp_path, monkeypatch):
    folder, out, prepare = pictures({"a.png": 8}), tmp_path / "out", LocalPlace.prepare

    def prepare_late(place):
        prepare(place)
        (out / "a.png.tnf").write_bytes(b"precious")

    with monkeypatch.context() as patch:
        patch.setattr(LocalPlace, "prepare", prepare_late)
        assert [row["exit_code"] for row in compress(folder, out).failed] == [8]
    assert [row["exit_code"] for row in compress(folder, out).failed] == [8]
    assert (out / "a.png.tnf").read_bytes() == b"precious"


def test_another_input_does_not_take_the_place_of_an_output(pictures, tmp_path):
    first, second, out = pictures({"a.png": 8}), pictures({"a.png": 9}, "other"), tmp_path / "out"
    compress(first, out)
    summary = compress(second, out)
    assert f"was made from {first / 'a.png'}" in summary.failed[0]["error"]
    assert compress(first, out).skipped == 1


def test_an_input_folder_that_moved_is_known_again(pictures, tmp_path):
    folder, out = pictures(FEW), tmp_path / "out"
    compress(folder, out)
    shutil.move(folder, tmp_path / "moved")
    assert compress(tmp_path / "moved", out).skipped == 3


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_failures_are_listed_and_the_others_done(pictures, tmp_path, engine):
    folder, out = pictures({**FEW, "raises.png": 15}), tmp_path / "out"
    (folder / "bad.png").write_bytes(b"\x89PNG, not really")
    (folder / "link.png").symlink_to("nowhere.png")
    summary = compress(folder, out, "deadly-picture", engine=engine)
    assert summary.done == 3
    errors = {row["name"]: (row["exit_code"], row["error"]) for row in summary.failed}
    assert sorted(errors) == ["bad.png", "link.png", "raises.png"]
    assert errors["raises.png"] == (1, f"{folder / 'raises.png'}: RuntimeError: a codec's own mistake")
    assert errors["bad.png"][0] == errors["link.png"][0] == 3
    assert rows(out)["bad.png"]["status"] == "failed"
    save(folder / "bad.png")
    assert compress(folder, out, "deadly-picture").done == 1


def test_two_inputs_for_one_output_are_refused_before_any_work(pictures, tmp_path):
    folders = [pictures({"a.png": 8}), pictures({"a.png": 8}, "other")]
    with pytest.raises(ConfigError, match=r"in/a.png and .*other/a.png have the same place"):
        compress(folders, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_inputs_that_may_be_restored_to_one_file_are_refused(pictures, tmp_path):
    compress(pictures({"a.png": 8}), tmp_path / "out")
    shutil.copy(tmp_path / "out" / "a.png.tnf", tmp_path / "out" / "a.tnf")
    with pytest.raises(ConfigError, match=r"may both be restored to a\.png"):
        restore(tmp_path / "out", tmp_path / "back")


def test_the_output_folder_inside_the_input_folder_is_no_input(pictures, tmp_path):
    folder = pictures(FEW)
    compress(folder, folder / "sub" / "out")
    save(folder / "sub" / "out" / "x.png")
    assert compress(folder, folder / "sub" / "out").skipped == 3
    assert names(folder / "sub" / "out") == [*(f"{name}.tnf" for name in FEW), "x.png"]


def test_a_folder_is_compressed_in_place(pictures):
    folder = pictures(FEW)
    assert compress(folder, folder).done == 3
    assert compress(folder, folder).skipped == 3
    assert (folder / "sub" / "b.png.tnf").is_file()


def test_hidden_files_and_other_kinds_are_left_out(pictures, tmp_path):
    folder = pictures({"a.png": 8, ".hidden.png": 8, ".git/b.png": 8})
    (folder / "notes.txt").write_text("not for us")
    summary = compress(folder, tmp_path / "out")
    assert (summary.done, summary.left_out) == (1, 1)
    assert names(tmp_path / "out") == ["a.png.tnf"]


def test_links_to_files_are_followed_and_links_to_folders_are_not(pictures, tmp_path):
    folder = pictures({"a.png": 8, "sub/b.png": 8})
    (folder / "again.png").symlink_to("a.png")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    assert compress(folder, tmp_path / "out").done == 3
    assert names(tmp_path / "out") == ["a.png.tnf", "again.png.tnf", "sub/b.png.tnf"]


def test_files_can_be_named_one_by_one(pictures, tmp_path):
    folder = pictures(FEW)
    shutil.copy(folder / "a.png", folder / "picture.of-no-known-kind")
    summary = compress([folder / "sub", folder / "a.png", folder / "picture.of-no-known-kind"], tmp_path / "out")
    assert summary.done == 4
    assert "deeper/c.png.tnf" in names(tmp_path / "out")


def test_long_raw_files_go_in_pieces_and_come_back(tmp_path, codecs, monkeypatch):
    from tinify.scale_out import stages

    monkeypatch.setattr(stages, "LONG", 1000)
    (tmp_path / "in").mkdir()
    x = np.arange(3000, dtype=np.int16).reshape(1500, 2)
    np.save(tmp_path / "in" / "x.npy", x)
    out, back = tmp_path / "out", tmp_path / "back"
    assert run(tmp_path / "in", out, Settings(codec="series-mixing", lossless=True, chunk=100)).done == 1
    assert rows(out)["x.npy"]["codec"] == "series-mixing"
    assert restore(out, back).failed == []
    assert np.array_equal(np.load(back / "x.npy"), x)


def test_a_picture_as_an_array_is_a_picture(tmp_path, codecs):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "x.npy", np.zeros((8, 9, 3), np.uint8))
    assert compress(tmp_path / "in", tmp_path / "out").failed == []


def test_restored_files_can_have_an_extension(pictures, tmp_path):
    compress(pictures({"a.png": 8}), tmp_path / "out")
    assert restore(tmp_path / "out", tmp_path / "back", extension=".ppm").done == 1
    assert names(tmp_path / "back") == ["a.png.ppm"]


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_an_unknown_codec_is_one_error_before_any_work(pictures, tmp_path, engine):
    with pytest.raises(UnknownComponentError, match="did you mean 'fake-picture'"):
        compress(pictures(FEW), tmp_path / "out", "fake-pictur", engine=engine)
    assert not (tmp_path / "out").exists()


def test_wrong_arguments_are_configuration_errors(pictures, tmp_path):
    folder, out = pictures(FEW), tmp_path / "out"
    with pytest.raises(ConfigError, match="engine is 'dask'; allowed: serial, processes, ray"):
        compress(folder, out, engine="dask")
    with pytest.raises(ConfigError, match="quality and lossless exclude each other"):
        compress(folder, out, quality=5, lossless=True)
    with pytest.raises(ConfigError, match="a name, a codec file or a folder"):
        compress(folder, out, codec=object())
    with pytest.raises(ConfigError, match="gpus is 1"):
        run(folder, out, Settings(codec="fake-picture"), gpus=1)


def test_nothing_to_do_is_an_input_error(tmp_path, codecs):
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="nothing there ends in"):
        compress(tmp_path / "in", tmp_path / "out")
    with pytest.raises(InputError, match="No such file"):
        compress(tmp_path / "gone", tmp_path / "out")


def test_one_run_at_a_time_writes_to_a_folder(pictures, tmp_path):
    pytest.importorskip("fcntl")
    out = tmp_path / "out"
    with open_place(str(out)).locked(), pytest.raises(InputError, match="another run writes there"):
        compress(pictures(FEW), out)
    assert compress(tmp_path / "in", out).done == 3


def test_progress_ends_at_the_number_of_files(pictures, tmp_path):
    told = []
    compress(pictures(FEW), tmp_path / "out", progress=lambda summary, total: told.append((summary.done, total)))
    assert told[-1] == (3, 3)
