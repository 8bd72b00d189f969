# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from PIL import Image

from tinify.errors import InputError
from tinify.evaluation.peers import PEERS
from tinify.evaluation.run import evaluate, read_pictures
from tinify.metrics.ms_ssim import ms_ssim
from tinify.metrics.psnr import psnr

from .pictures import Coarse, Estimating, photo


def test_rate_is_that_of_the_whole_file_and_quality_of_the_decoded_bytes():
    codec, picture = Coarse(), photo()
    (curve,) = evaluate(codec, {"a.png": picture}, [2, 6])
    data = codec.encode(picture, 6)
    point = curve.points[-1]
    assert point.bpp == 8 * len(data) / (176 * 192)
    assert point.psnr_rgb == psnr(picture, codec.decode(data))
    assert point.ms_ssim == pytest.approx(float(ms_ssim(picture, codec.decode(data))))
    assert point.encode_s > 0 and point.decode_s > 0
    assert (point.quality, point.estimated_bpp) == (6.0, None)


def test_every_picture_has_its_curve_in_order_and_is_reported():
    seen = []
    curves = evaluate(Coarse(), {"b": photo(seed=1), "a": photo(seed=2)}, [3], seen.append)
    assert [curve.name for curve in curves] == seen == ["b", "a"]


def test_estimate_is_taken_from_codecs_that_have_one():
    (curve,) = evaluate(Estimating(), {"a": photo()}, [4])
    assert curve.points[0].estimated_bpp == pytest.approx(4000 / (176 * 192))


def test_picture_too_small_for_ms_ssim_is_measured_without_it():
    (curve,) = evaluate(Coarse(), {"a": photo(40, 300)}, [4])
    assert curve.points[0].ms_ssim is None
    assert curve.points[0].psnr_rgb > 20


def test_classical_codecs_run_as_well():
    (curve,) = evaluate(PEERS["jpeg"], {"a": photo()}, [30, 90])
    assert curve.points[0].psnr_rgb < curve.points[1].psnr_rgb


def test_pictures_come_by_name_as_rgb(tmp_path):
    Image.fromarray(photo(20, 30)).save(tmp_path / "b.png")
    Image.fromarray(photo(20, 30)[:, :, 0]).save(tmp_path / "a.png")
    (tmp_path / "notes.txt").write_text("no picture")
    found = read_pictures(tmp_path)
    assert list(found) == ["a.png", "b.png"]
    assert np.array_equal(found["b.png"], photo(20, 30))
    assert found["a.png"].shape == (20, 30, 3)
    assert list(read_pictures(tmp_path, limit=1)) == ["a.png"]


@pytest.mark.parametrize("name", [".", "absent"])
def test_folder_without_pictures_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="no pictures"):
        read_pictures(tmp_path / name)
