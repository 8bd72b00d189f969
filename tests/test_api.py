# SPDX-License-Identifier: Apache-2.0
"""With codecs of NumPy and zlib, so that nothing here needs trained weights."""

import numpy as np
import pytest

import tinify
from tinify import api, container, rate_search, registry
from tinify.errors import ConfigError, DesyncError, FormatError, InputError, UnknownComponentError
from tinify.signal import Signal

pytestmark = pytest.mark.usefixtures("fake_codecs")


def picture(shape=(40, 60, 3)):
    rng = np.random.default_rng(0)
    smooth = np.add.outer(np.arange(shape[0]), np.arange(shape[1]))[..., None] * np.ones(shape[2:])
    return np.clip(smooth + rng.normal(0, 8, shape), 0, 255).astype(np.uint8)


def series(shape=(500, 3), dtype=np.float32):
    return np.random.default_rng(0).normal(size=shape).cumsum(axis=0).astype(dtype)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_picture_comes_back_in_its_shape_and_type(channels):
    x = picture((9, 14, channels))
    x_hat = tinify.decompress(tinify.compress(x, quality=100))
    assert (x_hat.shape, x_hat.dtype) == (x.shape, x.dtype)
    assert np.abs(x_hat.astype(int) - x).max() <= 1


@pytest.mark.parametrize("shape", [(500, 3), (500,), (1, 1), (1,), (0,), (0, 4)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, np.uint8])
def test_a_series_comes_back_in_its_shape_and_type(shape, dtype):
    x = series(shape).astype(dtype)
    x_hat = tinify.decompress(tinify.compress(x))
    assert (x_hat.shape, x_hat.dtype) == (x.shape, x.dtype)


def test_two_axes_are_a_grey_picture_only_for_an_image_codec():
    x = picture((16, 20, 1))[..., 0]
    assert container.inspect(tinify.compress(x))["modality"] == "series"
    data = tinify.compress(x, codec="fake-picture")
    assert container.inspect(data)["modality"] == "image"
    assert tinify.decompress(data).shape == (16, 20)


def test_a_tensor_is_taken_as_an_array():
    import torch

    x = torch.arange(12).reshape(6, 2)
    assert tinify.decompress(tinify.compress(x, quality=100)).tolist() == x.tolist()


def test_a_path_is_read_as_a_file(tmp_path):
    np.save(tmp_path / "x.npy", series())
    assert tinify.decompress(tinify.compress(tmp_path / "x.npy")).shape == (500, 3)


def test_quality_trades_bytes_for_fidelity():
    x = picture()
    coarse, fine = (tinify.compress(x, quality=quality) for quality in (10, 90))
    assert len(coarse) < len(fine)
    error = [np.square(tinify.decompress(data).astype(float) - x).mean() for data in (coarse, fine)]
    assert error[0] > error[1]


@pytest.mark.parametrize("x", [picture(), series()], ids=["image", "series"])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_target_bpp_gives_the_best_file_below_it(x, share):
    signal = api.to_signal(x)
    lowest, highest = (rate_search.bits_per_sample(tinify.compress(x, quality=q), signal) for q in (0, 100))
    target = lowest + share * (highest - lowest)
    rate = rate_search.bits_per_sample(tinify.compress(x, target_bpp=target), signal)
    assert 0.9 * target < rate <= target


@pytest.mark.parametrize("x", [picture(), series()], ids=["image", "series"])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_max_bytes_gives_the_best_file_that_fits(x, share):
    lowest, highest = (len(tinify.compress(x, quality=quality)) for quality in (0, 100))
    most = round(lowest + share * (highest - lowest))
    assert 0.9 * most < len(tinify.compress(x, max_bytes=most)) <= most


def test_max_bytes_below_the_smallest_file_say_what_that_is():
    smallest = len(tinify.compress(picture(), quality=0))
    assert len(tinify.compress(picture(), max_bytes=smallest)) == smallest
    with pytest.raises(InputError, match=f"{smallest - 1} bytes cannot be reached: .* at quality 0, has {smallest} b"):
        tinify.compress(picture(), max_bytes=smallest - 1)
    assert tinify.compress(picture(), max_bytes=10**9) == tinify.compress(picture(), quality=100)


@pytest.mark.parametrize(("x", "target"), [(picture(), 35.0), (series(), 30.0)], ids=["image", "series"])
def test_target_psnr_gives_the_smallest_file_above_it(x, target):
    signal = api.to_signal(x)
    data = tinify.compress(x, target_psnr=target)
    assert target <= rate_search.decoded_psnr(signal, api.decompress_signal(data)) < target + 1.5
    assert len(data) < len(tinify.compress(x, quality=100))


def test_targets_out_of_reach_say_what_can_be_had():
    with pytest.raises(InputError, match=r"0\.001 bpp cannot be reached: at quality 0 the file has \d+ bytes"):
        tinify.compress(picture(), target_bpp=0.001)
    with pytest.raises(InputError, match=r"200 dB cannot be reached: at quality 100 it is"):
        tinify.compress(series(), target_psnr=200)


def test_a_target_beyond_the_best_is_met_with_the_best():
    assert tinify.compress(picture(), target_bpp=99) == tinify.compress(picture(), quality=100)
    assert tinify.compress(picture(), target_psnr=0) == tinify.compress(picture(), quality=0)


def test_psnr_of_a_series_is_in_units_of_each_channels_range():
    x = np.stack([np.linspace(0, 1, 100), np.linspace(0, 1e6, 100), np.full(100, 7.0)], axis=1)
    x[3, 0] = np.nan
    worse = x + np.array([0.1, 1e5, 0.0])
    expected = 20 * np.log10(np.sqrt(299 / (0.1**2 * 199)))
    assert rate_search.decoded_psnr(Signal("series", x), Signal("series", worse)) == pytest.approx(expected)
    assert rate_search.decoded_psnr(Signal("series", x), Signal("series", x)) == np.inf


@pytest.mark.parametrize(
    "rate", [{"quality": 1, "target_bpp": 1}, {"quality": -1}, {"quality": 101}, {"target_bpp": 0},
             {"target_psnr": np.nan}, {"quality": float("nan")}, {"target_bpp": 1, "target_psnr": 30}, {"max_bytes": 0},
             {"max_bytes": 99, "target_bpp": 1}],
)  # fmt: skip
def test_a_rate_that_makes_no_sense_is_a_config_error(rate):
    with pytest.raises(ConfigError):
        tinify.compress(series(), **rate)


@pytest.mark.parametrize("x", [np.zeros((2, 2, 7), np.uint8), np.zeros((2, 2, 3)), np.array(["a"]), np.array(1.0),
                               np.zeros((1, 2, 3, 4), np.uint8), np.zeros(3, complex)])  # fmt: skip
def test_what_is_no_signal_is_an_input_error(x):
    with pytest.raises(InputError):
        tinify.compress(x)


def test_a_codec_of_another_modality_is_refused_with_the_fitting_one_named():
    with pytest.raises(InputError, match=r"codec 'fake-numbers' is for series signals.*'fake-picture'"):
        api.compress_signal(Signal("image", picture()), "fake-numbers")


def test_a_signal_without_a_default_codec_says_so():
    with pytest.raises(InputError, match="no default codec for smell"):
        tinify.compress(Signal("smell", series()))


def test_metadata_comes_back():
    signal = Signal("image", picture(), {"icc": b"profile"})
    assert api.decompress_signal(api.compress_signal(signal)).metadata == {"icc": b"profile"}


def test_a_built_codec_is_used_and_is_needed_again_to_decode():
    codec = registry.build("codec", "good-numbers", version=2)
    codec.name = "mine"
    data = tinify.compress(series(), codec=codec)
    assert tinify.decompress(data, codec=codec).shape == (500, 3)
    with pytest.raises(UnknownComponentError, match="no pretrained codec named 'mine'"):
        tinify.decompress(data)


def test_a_folder_is_a_codec(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "codec.toml").write_text('[codec]\nkind = "codec"\nname = "good-numbers"\nversion = 5\n')
    for folder in (tmp_path / "mine", str(tmp_path / "mine")):
        data = tinify.compress(series(), codec=folder)
        assert container.inspect(data)["codec"] == "mine"
        assert tinify.decompress(data, codec=folder).shape == (500, 3)


def test_a_file_cannot_make_us_read_a_folder_of_its_choice(tmp_path):
    (tmp_path / "codec.toml").write_text('[codec]\nkind = "codec"\nname = "good-numbers"\n')
    codec = registry.build("codec", "good-numbers")
    codec.name = str(tmp_path)[-60:]
    with pytest.raises(UnknownComponentError):
        tinify.decompress(tinify.compress(series(), codec=codec))


def test_other_weights_are_a_desync_that_names_both_hashes():
    codec = registry.build("codec", "good-numbers", version=2)
    codec.name = "fake-numbers"
    data = tinify.compress(series(), codec=codec)
    with pytest.raises(DesyncError) as caught:
        tinify.decompress(data)
    assert codec.fingerprint().hex() in str(caught.value)
    assert tinify.load("fake-numbers").fingerprint().hex() in str(caught.value)
    assert "Install the version" in str(caught.value)


def test_a_codec_that_stumbles_over_a_file_is_a_format_error(monkeypatch):
    data = tinify.compress(series())
    monkeypatch.setattr(type(tinify.load("fake-numbers")), "unpack", lambda self, file: {}["gone"])
    with pytest.raises(FormatError, match="cannot decode this file: KeyError"):
        tinify.decompress(data)


@pytest.mark.parametrize("data", [b"", b"\x89TNF", b"not a file at all", bytes(1000)])
def test_what_is_no_file_is_a_format_error(data):
    with pytest.raises(FormatError):
        tinify.decompress(data)


def test_every_flipped_byte_is_an_error_of_ours_or_the_right_answer():
    x = series((30, 2))
    data = tinify.compress(x)
    right = tinify.decompress(data)
    for position in range(len(data)):
        bad = bytearray(data)
        bad[position] ^= 1 << position % 8
        try:
            assert np.array_equal(tinify.decompress(bytes(bad)), right)
        except tinify.TinifyError:
            continue


def test_a_codec_is_loaded_once():
    assert tinify.load("fake-numbers") is tinify.load("fake-numbers")


def test_what_is_no_codec_is_a_config_error():
    with pytest.raises(ConfigError, match="give a name, a codec file, a folder"):
        tinify.compress(series(), codec=3)
