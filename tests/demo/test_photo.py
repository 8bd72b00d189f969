# SPDX-License-Identifier: Apache-2.0
import numpy as np

from tinify.demo.photo import QUALITIES, study_photo

from .fake import Fake, small_photo


def test_tinify_is_first_and_was_read_back_from_its_file(photo, folder):
    first = photo.trials[0]
    assert first.name == "tinify"
    assert first.data == (folder / "waves.tnf").read_bytes()
    assert np.array_equal(first.restored, Fake().decompress(first.data))


def test_no_peer_has_fewer_bytes(photo):
    assert [trial.name for trial in photo.trials[1:]] == ["AVIF", "WebP", "JPEG"]
    assert all(len(trial.data) >= len(photo.trials[0].data) for trial in photo.trials[1:])


def test_figures_are_those_of_the_whole_file(photo):
    first = photo.trials[0]
    assert photo.bits_per_pixel(first) == 8 * len(first.data) / (180 * 200)
    assert first.ratio(photo.photo.pixels.size) == 180 * 200 * 3 / len(first.data)
    assert 20 < photo.psnr(first) < 45
    assert 0.5 < photo.ms_ssim(first) < 1


def test_each_codec_has_a_curve(photo):
    assert [curve.name for curve in photo.curves] == ["tinify", "AVIF", "WebP", "JPEG"]
    assert [point.quality for point in photo.curves[0].points] == list(QUALITIES)


def test_weights_are_loaded_before_the_clock_runs(tmp_path):
    class Late(Fake):
        def compress(self, x, *, quality=None):
            if not self.calls:
                assert x.shape == (64, 64, 3)
            return super().compress(x, quality=quality)

    study_photo(Late(), small_photo(), tmp_path)
