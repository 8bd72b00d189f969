# SPDX-License-Identifier: Apache-2.0
import hashlib

import numpy as np
import pytest
from PIL import Image

from tinify import api
from tinify.errors import ConfigError, InputError, MissingExtraError, UnknownComponentError
from tinify.evaluation import jobs, subjects
from tinify.evaluation.curves import Point
from tinify.evaluation.items import find_items
from tinify.evaluation.report import evaluate_all, read_evaluation, to_json
from tinify.evaluation.setting import LOSSLESS, Bound
from tinify.evaluation.subjects import parse
from tinify.signal import Signal

from .pictures import photo


@pytest.fixture
def pictures(tmp_path):
    for seed, name in enumerate(("a.png", "b.png")):
        Image.fromarray(photo(168, 176, seed)).save(tmp_path / name)
    return find_items([tmp_path / "a.png", tmp_path / "b.png"])


@pytest.fixture
def log(tmp_path):
    np.save(tmp_path / "log.npy", np.cumsum(np.random.default_rng(0).normal(size=(400, 2)), axis=0).astype(np.float32))
    return find_items([tmp_path / "log.npy"])


def test_a_picture_agrees_with_arithmetic_on_the_decoded_pixels_and_the_files_size(pictures):
    found = evaluate_all([parse("photo-fast@30,50"), parse("jpeg@40")], pictures)
    for run, quality in zip(found.runs, (50.0, 40.0), strict=True):
        for item, curve in zip(pictures, run.items, strict=True):
            x = np.asarray(Image.open(item.path)).astype(np.float64)
            data = subjects.load(run.name).encode(item.read(), quality)
            y = subjects.load(run.name).decode(data).astype(np.float64)
            point = curve.points[-1]
            assert point.bpp == 8 * len(data) / (168 * 176)
            assert point.psnr_rgb == pytest.approx(10 * np.log10(255**2 / np.mean((x - y) ** 2)))
            spread = x.reshape(-1, 3).std(axis=0)
            assert point.nrmse == pytest.approx(np.sqrt(np.mean(((x - y) / spread) ** 2)))
            assert point.max_error == np.abs(x - y).max()
        for name in ("bpp", "psnr_rgb", "ms_ssim", "nrmse", "max_error", "encode_s"):
            mean = np.mean([getattr(curve.points[-1], name) for curve in run.items])
            assert getattr(run.mean.points[-1], name) == pytest.approx(mean)


def test_the_files_of_a_codec_are_those_of_the_public_functions(pictures):
    samples = pictures[0].read()
    subject = subjects.load("photo-fast")
    data = subject.encode(samples, 30.0)
    assert data == api.compress(samples, "photo-fast", quality=30)
    assert np.array_equal(subject.decode(data), api.decompress(data))


def test_a_series_agrees_with_arithmetic_on_the_decoded_numbers(log):
    found = evaluate_all([parse("series-mixing@40"), parse("pcodec@1%")], log)
    x = np.load(log[0].path).astype(np.float64)
    for run, setting in zip(found.runs, (40.0, Bound(0.01, "range")), strict=True):
        data = subjects.load(run.name).encode(log[0].read(), setting)
        y = subjects.load(run.name).decode(data).astype(np.float64)
        (point,) = run.mean.points
        assert point.bpp == 8 * len(data) / x.size
        assert point.nrmse == pytest.approx(np.sqrt(np.mean(((x - y) / x.std(axis=0)) ** 2)))
        assert point.psnr == pytest.approx(-10 * np.log10(np.mean(((x - y) / np.ptp(x, axis=0)) ** 2)))
        assert point.max_error == np.abs(x - y).max()
    assert found.runs[1].mean.points[0].bound == "1%"


def test_several_processes_give_the_numbers_of_one(pictures):
    tasks = [jobs.Task(name, item, (30.0,)) for name in ("photo-fast", "jpeg") for item in pictures]
    seen = []
    alone, together = jobs.run(tasks, 1), jobs.run(tasks, 2, seen.append)
    for one, other in zip(alone, together, strict=True):
        assert jobs.without_times(one.curve) == jobs.without_times(other.curve)
        assert one.about == other.about
    assert sorted(map(tasks.index, seen)) == [0, 1, 2, 3]


def test_an_error_in_a_process_comes_out_with_its_type_and_ends_the_others(tmp_path, pictures):
    (tmp_path / "c.png").write_bytes(b"\x89PNG no picture")
    tasks = [jobs.Task("jpeg", item, (30.0,)) for item in [*find_items([tmp_path / "c.png"]), *pictures]]
    with pytest.raises(InputError, match=r"jpeg on c\.png"):
        jobs.run(tasks, 2)


def test_the_report_comes_back_from_json_and_says_what_made_it(tmp_path, pictures):
    found = evaluate_all([parse("photo-fast@30,50"), parse("jpeg@40")], pictures)
    path = tmp_path / "out.json"
    path.write_text(to_json(found))
    read = read_evaluation(path)
    assert read.about.keys() >= {"command", "versions", "machine", "date", "threads", "jobs", "method", "memory"}
    assert read.data["items"]["a.png"]["sha256"] == hashlib.sha256(pictures[0].path.read_bytes()).hexdigest()
    codec, peer = read.runs
    assert codec.about["fingerprint"] == api.load("photo-fast").fingerprint().hex()
    assert len(codec.about["weights_sha256"]) == 64 and codec.about["weights_bytes"] > 0
    assert peer.about["library"].startswith("pillow ")
    assert [curve.name for curve in codec.items] == ["a.png", "b.png"]
    assert codec.mean.points[1].psnr_rgb == pytest.approx(found.runs[0].mean.points[1].psnr_rgb, abs=1e-6)


def test_without_loss_every_sample_is_equal(pictures):
    found = evaluate_all([parse("photo-fast"), parse("png"), parse("webp")], pictures[:1], (LOSSLESS,))
    for run in found.runs:
        (point,) = run.mean.points
        assert (point.max_error, point.psnr_rgb, point.bound) == (0.0, np.inf, "0")
    assert '"psnr_rgb"' not in to_json(found)


@pytest.mark.parametrize("name", ["photo-fast", "jpeg"])
def test_a_series_for_a_codec_of_pictures_is_refused_before_any_work(log, name):
    with pytest.raises(InputError, match=rf"{name} takes a picture and log\.npy is a series"):
        evaluate_all([parse(name)], log)


def test_a_picture_for_a_codec_of_series_is_refused(pictures):
    with pytest.raises(InputError, match=r"sz3 takes a series and a\.png is a picture"):
        subjects.check(subjects.PEERS["sz3"], pictures, ())


@pytest.mark.parametrize(
    ("codec", "settings", "message"),
    [
        ("jpeg@120", (), "qualities from 1 to 95"),
        ("jpeg2000@10", (), "decibels from 15"),
        ("jpeg", (Bound(1.0),), "jpeg at an error bound"),
        ("photo-fast@101", (), "quality is 101"),
        ("png", (), "--lossless"),
    ],
)
def test_a_setting_that_a_codec_has_not_is_refused(pictures, codec, settings, message):
    with pytest.raises(ConfigError, match=message):
        evaluate_all([parse(codec)], pictures, settings)


def test_two_codecs_of_one_name_are_refused(pictures):
    with pytest.raises(ConfigError, match="two codecs are named jpeg"):
        evaluate_all([parse("jpeg@10"), parse("jpeg@20")], pictures)


def test_an_unknown_codec_names_near_ones_and_peers():
    with pytest.raises(UnknownComponentError, match="peer of near name: jpeg"):
        subjects.load("jpegg")


def test_a_peer_that_is_not_installed_says_what_to_install(monkeypatch):
    subjects.load.cache_clear()
    monkeypatch.setattr("tinify.evaluation.peers.base.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"tinify-codec\[peers\]"):
        subjects.load("jpegxl")


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("photo-fast", "photo-fast", ()),
        ("photo-fast@10,30.5", "photo-fast", (10.0, 30.5)),
        ("sz3@1%,0.1s", "sz3", (Bound(0.01, "range"), Bound(0.1, "sigma"))),
        ("./mail@home/x.codec", "./mail@home/x.codec", ()),
    ],
)
def test_settings_of_its_own_follow_a_codecs_name(text, name, settings):
    found = parse(text)
    assert (found.name, found.settings) == (name, settings)


def test_settings_that_are_none_are_refused():
    with pytest.raises(ConfigError, match="no setting"):
        parse("jpeg@1,,2")


def test_memory_is_that_of_the_work_not_of_the_process():
    memory = pytest.importorskip("tinify.evaluation.memory")
    with memory.PeakMemory() as small:
        np.ones(10)
    if small.megabytes is None:
        pytest.skip("this system does not tell")
    with memory.PeakMemory() as peak:
        np.ones(40_000_000, np.uint8).sum()
    with memory.PeakMemory() as after:
        np.ones(10)
    assert 35 < peak.megabytes < 80
    assert after.megabytes < 20


def test_what_was_not_measured_is_none_and_nothing_is_lost_on_the_way_of_a_bound():
    assert Point(1.0, bound="1%").setting == "1%"
    assert Point(1.0, quality=30.0).setting == "30"
    assert str(Bound(0.1, "sigma")) == "0.1s" and str(Bound(0.5)) == "0.5"


def test_a_signal_keeps_no_metadata_in_the_measured_file():
    samples = photo(32, 32)
    subject = subjects.load("photo-fast")
    with_profile = api.compress(
        Signal("image", samples, {"icc": np.random.default_rng(0).bytes(500)}), "photo-fast", quality=30
    )
    assert len(subject.encode(samples, 30.0)) < len(with_profile) - 400
