# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from tinify import container, registry
from tinify.container import ALPHA, PAYLOAD, Section, pack_strings, unpack_strings
from tinify.entropy_coder import using_entropy_coder
from tinify.errors import FormatError, InputError, TinifyError
from tinify.ops import pad_to_multiple
from tinify.signal import Signal

from .active import KINDS, active, picture, signal

SIZES = [(1, 1), (17, 333), (333, 17), (513, 767)]
CODERS = ["rans32", "rans64", "rangecoder"]


@pytest.fixture(scope="module", params=KINDS)
def codec(request):
    return active(request.param)


@pytest.fixture(scope="module")
def gained():
    codec = active("mbt2018-mean", gain_levels=4)
    codec.name = "photo-hyperprior"
    return codec


def _through_a_file(codec, signal, **kwargs):
    data = container.pack(codec.pack(signal, **kwargs))
    return codec.unpack(container.unpack(data)), data


@torch.no_grad()
def _forward(codec, samples, level=None):
    """x_hat (H, W, 3) of the padded picture, on the scale of eight bits."""
    x = torch.from_numpy(samples).permute(2, 0, 1)[None].float() / 255
    x_hat = codec(pad_to_multiple(x.expand(-1, 3, -1, -1), codec.downsampling_factor), level).x_hat
    return x_hat.clamp(0, 1)[0, :, : samples.shape[0], : samples.shape[1]].permute(1, 2, 0).numpy() * 255


def _replace_payload(file, data):
    return replace(file, sections=tuple(s if s.kind != PAYLOAD else Section(PAYLOAD, data) for s in file.sections))


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_a_picture_of_any_size_comes_back_as_forward_gives_it(codec, size):
    original = signal(*size)
    restored, _ = _through_a_file(codec, original)
    assert restored.samples.shape == (*size, 3) and restored.samples.dtype == np.uint8
    # Rounded to eight bits, up to the float rounding of two ways through the same network.
    assert np.abs(restored.samples - _forward(codec, original.samples)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_codecs_wide_enough_for_the_native_layers_give_what_their_forward_gives(kind):
    codec, original = active(kind, 16, 32), signal(300, 200)
    restored, _ = _through_a_file(codec, original)
    assert np.abs(restored.samples - _forward(codec, original.samples)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("width", [8, 16])
@pytest.mark.parametrize(("writer", "reader"), [(1, 2), (2, 1)])
def test_a_file_written_with_other_threads_is_read(width, writer, reader):
    codec, original = active("mbt2018-mean", width, 16), signal(300, 200)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(writer)
        file = codec.pack(original)
        expected = codec.unpack(file).samples
        torch.set_num_threads(reader)
        restored = codec.unpack(file).samples
    finally:
        torch.set_num_threads(threads)
    assert np.abs(restored.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("number", [3, 24])
def test_kodak_pictures_come_back_as_forward_gives_them(codec, data_dir, number):
    with Image.open(data_dir / "kodak" / f"kodim{number:02}.png") as image:
        samples = np.array(image.convert("RGB"))
    restored, data = _through_a_file(codec, Signal("image", samples))
    assert np.abs(restored.samples - _forward(codec, samples)).max() <= 0.5 + 1e-3
    assert len(data) < samples.nbytes / 4


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_comes_back_exactly(codec, channels):
    original = signal(40, 70, channels)
    restored, _ = _through_a_file(codec, original)
    assert restored.samples.shape == original.samples.shape
    assert np.array_equal(restored.samples[:, :, -1], original.samples[:, :, -1])
    opaque = Signal("image", np.ascontiguousarray(original.samples[:, :, :-1]))
    assert np.array_equal(restored.samples[:, :, :-1], _through_a_file(codec, opaque)[0].samples)


def test_alpha_of_one_value_costs_one_byte(codec):
    samples = picture(40, 70, 4)
    samples[:, :, 3] = 200
    file = codec.pack(Signal("image", samples))
    assert len(file.find(ALPHA)) == 1
    assert (codec.unpack(file).samples[:, :, 3] == 200).all()


def test_grey_is_coded_as_three_equal_channels_and_their_mean_comes_back(codec):
    original = signal(40, 70, 1)
    restored, _ = _through_a_file(codec, original)
    assert restored.samples.shape == (40, 70, 1)
    expected = _forward(codec, original.samples).mean(2, keepdims=True)
    assert np.abs(restored.samples - expected).max() <= 0.5 + 1e-3


def test_metadata_comes_back(codec):
    metadata = {"icc": bytes(range(256)), "exif": b""}
    restored, _ = _through_a_file(codec, signal(20, 20, metadata=metadata))
    assert restored.metadata == metadata


def test_around_the_payload_there_are_at_most_64_bytes(gained):
    data = container.pack(gained.pack(signal(512, 768)))
    assert len(data) - len(container.unpack(data).require(PAYLOAD)) <= 64


def test_the_border_that_padding_adds_costs_little(codec):
    size = 129 - codec.downsampling_factor
    flat = np.full((size, size, 3), 90, np.uint8)
    whole = np.full((128, 128, 3), 90, np.uint8)
    sizes = [len(container.pack(codec.pack(Signal("image", s)))) for s in (flat, whole)]
    assert abs(sizes[0] - sizes[1]) <= 8


def test_packing_twice_gives_the_same_bytes(codec):
    assert _through_a_file(codec, signal(50, 60))[1] == _through_a_file(codec, signal(50, 60))[1]


def test_samples_in_any_memory_layout_give_the_same_bytes(codec):
    samples = picture(50, 60)
    view = np.asfortranarray(samples)
    assert _through_a_file(codec, Signal("image", view))[1] == _through_a_file(codec, Signal("image", samples))[1]


def test_a_larger_quality_is_a_larger_file_and_the_file_knows_its_own(gained):
    original = signal(100, 130)
    files = [_through_a_file(gained, original, quality=q) for q in (0, 20, 50, 77.7, 100)]
    sizes = [len(data) for _, data in files]
    assert sizes == sorted(set(sizes))
    for (restored, _), quality in zip(files, (0, 20, 50, 77.7, 100), strict=True):
        expected = _forward(gained, original.samples, gained.level_of(quality))
        assert np.abs(restored.samples - expected).max() <= 0.5 + 1e-3


def test_without_a_quality_the_default_is_taken(gained):
    original = signal(64, 64)
    default = _through_a_file(gained, original, quality=gained.default_quality)[1]
    assert _through_a_file(gained, original)[1] == default


def test_codecs_of_one_rate_take_any_quality(codec):
    original = signal(30, 30)
    assert _through_a_file(codec, original, quality=10)[1] == _through_a_file(codec, original, quality=90)[1]


@pytest.mark.parametrize("quality", [-1, 100.5, float("nan"), float("inf")])
def test_a_quality_out_of_range_is_refused(codec, gained, quality):
    for each in (codec, gained):
        with pytest.raises(InputError, match="0 to 100"):
            each.pack(signal(8, 8), quality=quality)


@pytest.mark.parametrize(
    "wrong",
    [
        Signal("series", np.zeros((4, 4, 3), np.uint8)),
        Signal("image", np.zeros((4, 4), np.uint8)),
        Signal("image", np.zeros((4, 4, 5), np.uint8)),
        Signal("image", np.zeros((0, 4, 3), np.uint8)),
        Signal("image", np.zeros((4, 4, 3), np.float64)),
    ],
    ids=["series", "two dimensions", "five channels", "empty", "float64"],
)
def test_what_is_no_picture_is_refused(codec, wrong):
    with pytest.raises(InputError):
        codec.pack(wrong)


@pytest.mark.parametrize("coder", CODERS)
def test_a_file_says_which_coder_wrote_it(codec, coder):
    original = signal(70, 90)
    with using_entropy_coder(coder):
        file = codec.pack(original)
    for other in CODERS:
        with using_entropy_coder(other):
            assert np.array_equal(codec.unpack(file).samples, codec.unpack(codec.pack(original)).samples)


def test_a_coder_that_a_file_cannot_name_is_refused(codec):
    registry.register("coder", "test-files-coder")(type("Coder", (), {}))
    try:
        with using_entropy_coder("test-files-coder"), pytest.raises(InputError, match="test-files-coder"):
            codec.pack(signal(8, 8))
    finally:
        registry.unregister("coder", "test-files-coder")


@pytest.mark.parametrize("coder", CODERS)
def test_a_flipped_bit_anywhere_in_the_payload_is_an_error(coder):
    codec, original = active("mbt2018-mean"), signal(64, 64)
    with using_entropy_coder(coder):
        file = codec.pack(original)
    payload = file.require(PAYLOAD)
    for position in np.linspace(0, len(payload) - 1, 60).astype(int):
        damaged = bytearray(payload)
        damaged[position] ^= 1 << (position % 8)
        with pytest.raises(TinifyError):
            codec.unpack(_replace_payload(file, bytes(damaged)))


def test_a_payload_that_is_cut_off_is_an_error(codec):
    file = codec.pack(signal(64, 64))
    payload = file.require(PAYLOAD)
    for length in (0, 1, 5, len(payload) // 2, len(payload) - 1):
        with pytest.raises(FormatError):
            codec.unpack(_replace_payload(file, payload[:length]))


def test_a_payload_with_too_few_or_too_many_strings_is_an_error(codec):
    file = codec.pack(signal(64, 64))
    strings = unpack_strings(file.require(PAYLOAD))
    for wrong in ([], strings[:-1], [*strings, strings[0]], [s * 2 for s in strings]):
        with pytest.raises(FormatError):
            codec.unpack(_replace_payload(file, pack_strings(wrong)))


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (64, 200, 3)},
        {"shape": (4096, 4096, 3)},
        {"shape": (64, 64)},
        {"shape": (64, 64, 7)},
        {"shape": (0, 64, 3)},
        {"shape": (64, 64, 4)},
        {"dtype": "int16"},
        {"modality": "series"},
        {"params": b""},
        {"params": b"\0\0\xff"},
        {"sections": ()},
    ],
    ids=str,
)
def test_a_header_that_does_not_fit_is_an_error(codec, change):
    with pytest.raises(FormatError):
        codec.unpack(replace(codec.pack(signal(64, 64)), **change))


def test_a_declared_size_that_the_payload_cannot_hold_is_refused_before_memory_is_taken(codec):
    file = codec.pack(signal(64, 64))
    with pytest.raises(FormatError):
        codec.unpack(replace(file, shape=(2**26, 2**26, 3)))


@pytest.mark.parametrize("alpha", [b"", b"RIFF....", b"\x89PNG\r\n\x1a\n"])
def test_a_damaged_alpha_section_is_an_error(codec, alpha):
    file = codec.pack(signal(20, 20, 4))
    sections = tuple(s if s.kind != ALPHA else Section(ALPHA, alpha) for s in file.sections)
    with pytest.raises(FormatError):
        codec.unpack(replace(file, sections=sections))


def test_alpha_of_another_size_is_an_error(codec):
    file, other = codec.pack(signal(20, 20, 4)), codec.pack(signal(30, 20, 4))
    sections = tuple(s if s.kind != ALPHA else Section(ALPHA, other.find(ALPHA)) for s in file.sections)
    with pytest.raises(FormatError, match="alpha"):
        codec.unpack(replace(file, sections=sections))


@pytest.mark.parametrize("kind", KINDS)
def test_other_weights_do_not_decode_a_file(kind):
    file, other = active(kind).pack(signal(64, 64)), active(kind, seed=1)
    assert other.fingerprint() != file.fingerprint
    with pytest.raises(FormatError):
        other.unpack(file)
