# SPDX-License-Identifier: Apache-2.0
"""Pictures in tiles: every codec, every part, no seams, exact where it was asked for, and hostile files."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.image.active import active, active_at_every_rate, active_with_context
from tests.models.image.scenes import scene
from tinify import api, container
from tinify.container import INDEX, PAYLOAD, Section, pack_entries, varint
from tinify.errors import ConfigError, FormatError, InputError, LimitError, TinifyError
from tinify.models.image.tiles import Tiles, blend, whole
from tinify.signal import Signal

ROOT = Path(__file__).parents[3]
ZOO = ["photo-fast", "photo-best", "photo-hyperprior", "jpeg-like", "jpeg2000-like"]
LOSSLESS = ["photo-fast", "photo-best", "jpeg2000-like"]


def coloured(height, width, channels, seed=0):
    """A scene with 1 to 4 channels; alpha has shades of its own."""
    samples = scene(height, width, seed)
    alpha = np.clip(np.add.outer(np.arange(height), 3 * np.arange(width)), 0, 255).astype(np.uint8)[..., None]
    colours = samples[..., :1] if channels < 3 else samples
    return np.concatenate([colours, alpha], axis=2) if channels in (2, 4) else colours


def psnr(x, y) -> float:
    return 10 * np.log10(255**2 / max(np.mean((x.astype(float) - y) ** 2), 1e-9))


def entries(data):
    return len(container.EntryReader(data))


# Where tiles lie


@pytest.mark.parametrize(("side", "overlap"), [(16, 0), (16, 8), (20, 7), (16, 16)])
@pytest.mark.parametrize("size", [(1, 1), (16, 33), (24, 25), (47, 100)])
def test_tiles_cover_the_picture_and_share_the_overlap_with_the_next_only(size, side, overlap):
    tiles = Tiles(*size, side, overlap)
    for parts, samples in (
        ([tiles.rows(row) for row in range(tiles.grid[0])], size[0]),
        ([tiles.columns(column) for column in range(tiles.grid[1])], size[1]),
    ):
        assert parts[0].start == 0 and parts[-1].stop == samples
        assert all(after.start + overlap == before.stop < after.stop for before, after in itertools.pairwise(parts))


@pytest.mark.parametrize("overlap", [0, 5])
def test_the_tiles_that_touch_a_region_are_those_that_share_samples_with_it(overlap):
    tiles = Tiles(60, 45, 16, overlap)
    for start, length in itertools.product(range(60), (1, 7, 30)):
        length = min(length, 60 - start)
        expected = [
            row
            for row in range(tiles.grid[0])
            if tiles.rows(row).start < start + length and tiles.rows(row).stop > start
        ]
        assert list(tiles.touching((start, 0, length, 45))[0]) == expected


def test_blending_keeps_equal_samples_and_rises_steadily():
    same = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    assert np.array_equal(blend(same, same, 0, 16, axis=0), same)
    zero, full = np.zeros((1, 32, 3), np.uint8), np.full((1, 32, 3), 255, np.uint8)
    ramp = blend(zero, full, 0, 32, axis=1)[0, :, 0].astype(int)
    assert (np.diff(ramp) > 0).all() and ramp[0] == 255 - ramp[-1] == 4
    assert np.array_equal(blend(zero[:, 5:], full[:, 5:], 5, 32, axis=1)[0, :, 0], ramp[5:])


def test_pictures_are_cut_without_being_asked_beyond_64_million_pixels():
    assert Tiles.of(8000, 8000, None, exact=False) is None
    assert Tiles.of(8000, 8001, None, exact=False) == Tiles(8000, 8001, 1024, 16)
    assert Tiles.of(9000, 9000, 0, exact=False) is None
    assert Tiles.of(8000, 8001, None, exact=True).overlap == 0
    assert whole(3, 5).grid == (1, 1)


# Every codec


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize(("size", "channels"), [((75, 101), 3), ((70, 33), 1), ((35, 66), 4), ((1, 90), 2)])
def test_every_codec_of_the_zoo_codes_tiles(name, size, channels):
    x, codec = coloured(*size, channels), api.load(name)
    data = api.compress(x, codec, 80, tile=32)
    y, as_one = api.decompress(data), api.decompress(api.compress(x, codec, 80))
    side = 16 if name == "photo-hyperprior" else 32  # it pads to 64: with the overlap a tile has 32
    assert entries(data) == len(Tiles(*size, side, 16)) > 1
    assert y.shape == x.shape and y.dtype == np.uint8
    if channels in (2, 4):
        assert np.array_equal(y[..., -1], x[..., -1])
    colours = 1 if channels < 3 else 3
    assert psnr(x[..., :colours], y[..., :colours]) > psnr(x[..., :colours], as_one[..., :colours]) - 1.0


def test_no_picture_codec_of_the_zoo_is_left_out_here():
    folders = [folder.name for folder in ROOT.joinpath("zoo").iterdir() if (folder / "codec.toml").exists()]
    assert {name for name in folders if api.load(name).modality == "image"} == set(ZOO)


@pytest.mark.parametrize("kind", ["mbt2018", "cheng2020-anchor-checkerboard", "elic2022-official", "mbt2018-mean-vbr",
                                  "bmshj2018-factorized"])  # fmt: skip
def test_networks_code_tiles(kind):
    if kind == "mbt2018-mean-vbr":
        codec = active_at_every_rate(kind)
    else:
        codec = active(kind) if kind == "bmshj2018-factorized" else active_with_context(kind)
    signal = Signal("image", coloured(100, 150, 3))
    file = container.unpack(container.pack(codec.pack(signal, tile=64)))
    assert codec.unpack(file).samples.shape == (100, 150, 3)
    one = codec.pack_picture(Signal("image", signal.samples[:64, :64]))
    tile = container.unpack_body(container.entries_of(file)[0])
    assert tile.find(PAYLOAD) == one.find(PAYLOAD)


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_lossless_and_error_bounds_hold_in_tiles(name, channels):
    x = coloured(53, 70, channels)
    data = api.compress(x, name, lossless=True, tile=16)
    assert entries(data) == 20 and np.array_equal(api.decompress(data), x)
    bounded = api.decompress(api.compress(x, name, max_error=3, tile=16))
    assert np.array_equal(bounded, api.decompress(api.compress(x, name, max_error=3)))
    assert 0 < np.abs(bounded.astype(int) - x).max() <= 3


@pytest.mark.parametrize("name", ["photo-fast", "photo-hyperprior", "jpeg-like"])
def test_there_are_no_seams(name):
    x = scene(384, 512, seed=3)
    y, as_one = (api.decompress(api.compress(x, name, 40, tile=tile)) for tile in (128, 0))
    assert psnr(x, y) > psnr(x, as_one) - 0.15
    error = (y.astype(float) - x) ** 2
    borders = np.zeros(x.shape[:2], bool)
    for at in (128, 256, 384):
        borders[at - 4 : at + 20], borders[:, at - 4 : at + 20] = True, True
    # The scene differs from place to place: what is compared is how much more tiles err than the whole does.
    alone = (as_one.astype(float) - x) ** 2
    assert error[borders].mean() / alone[borders].mean() < 1.15 * error[~borders].mean() / alone[~borders].mean()
    # Where a tile begins or ends, errors do not jump from one column to the next more than they do in the whole.
    jumps, usual = (np.abs(np.diff(z.astype(float) - x, axis=1)).mean((0, 2)) for z in (y, as_one))
    seams = [at + offset - 1 for at in (128, 256, 384) for offset in (0, 16) if at + offset < 512]
    assert jumps[seams].mean() < 1.1 * usual[seams].mean()


def test_a_picture_of_one_tile_is_the_file_it_was_before_there_were_tiles():
    x = coloured(60, 80, 4)
    assert api.compress(x, tile=80) == api.compress(x, tile=64) == api.compress(x, tile=0) == api.compress(x)
    assert container.unpack(api.compress(x)).find(INDEX) is None


def test_bytes_and_samples_do_not_depend_on_threads():
    x = coloured(150, 200, 4)
    for name in ("photo-fast", "photo-hyperprior"):
        one, three = (api.compress(x, name, 60, tile=48, threads=threads) for threads in (1, 3))
        assert one == three
        assert np.array_equal(*(api.decompress(one, threads=threads) for threads in (1, 3)))


def test_tiles_of_a_context_model_do_not_disturb_one_another_on_threads():
    codec, signal = active_with_context("mbt2018"), Signal("image", coloured(100, 150, 3))
    one, three = (container.pack(codec.pack(signal, tile=32, threads=threads)) for threads in (1, 3))
    assert one == three
    file = container.unpack(one)
    torch.testing.assert_close(*(torch.from_numpy(codec.unpack(file, threads=n).samples) for n in (1, 3)))


def test_progress_counts_tiles():
    x, seen = coloured(60, 90, 3), []
    data = api.compress(x, tile=32, progress=lambda *step: seen.append(step))
    count = entries(data)
    assert seen == [(number, count) for number in range(1, count + 1)]
    seen.clear()
    api.decompress(data, progress=lambda *step: seen.append(step))
    assert seen[-1] == (count, count)


def test_a_target_is_met_in_tiles():
    x = coloured(80, 100, 3)
    assert len(api.compress(x, max_bytes=2500, tile=48)) <= 2500
    assert psnr(x, api.decompress(api.compress(x, target_psnr=38, tile=48))) >= 38


def test_metadata_come_back_and_stand_before_the_index():
    signal = Signal("image", coloured(60, 80, 3), {"icc": b"profile"})
    data = api.compress_signal(signal, tile=32)
    assert api.decompress_signal(data).metadata == {"icc": b"profile"}
    with api.open_picture(data) as reader:
        assert reader.metadata == {"icc": b"profile"}


# Parts


@pytest.mark.parametrize(
    ("name", "lossless"), [("photo-fast", False), ("photo-fast", True), ("photo-hyperprior", False)]
)
def test_a_region_is_the_same_part_of_the_whole(name, lossless):
    x = coloured(90, 130, 4)
    data = api.compress(x, name, lossless=lossless, tile=32)
    whole_picture = api.decompress(data)
    regions = [(0, 0, 90, 130), (31, 40, 1, 1), (32, 33, 20, 50), (47, 0, 2, 130), (89, 129, 1, 1), (40, 60, 30, 30)]
    for top, left, height, width in regions:
        part = api.decompress(data, region=(top, left, height, width))
        assert np.array_equal(part, whole_picture[top : top + height, left : left + width])


def test_a_region_needs_no_tile_but_those_it_touches(tmp_path):
    x = coloured(96, 96, 3)
    data = bytearray(api.compress(x, lossless=True, tile=32))
    assert entries(bytes(data)) == 9
    data[-20] ^= 1  # in the last tile
    (tmp_path / "x.tnf").write_bytes(data)
    assert np.array_equal(api.decompress(tmp_path / "x.tnf", region=(0, 32, 64, 64)), x[:64, 32:])
    with pytest.raises(FormatError, match="entry 8 does not match its CRC"):
        api.decompress(tmp_path / "x.tnf", region=(64, 64, 1, 1))
    with pytest.raises(FormatError):
        api.decompress(bytes(data))


def test_a_region_of_a_picture_without_tiles_and_of_a_grey_one_of_two_axes():
    x = coloured(40, 50, 1)[..., 0]
    for tile in (0, 16):
        data = api.compress(x, "photo-fast", tile=tile)
        assert np.array_equal(api.decompress(data, region=(5, 6, 7, 8)), api.decompress(data)[5:12, 6:14])


@pytest.mark.parametrize("region", [(0, 0, 61, 1), (0, 80, 1, 1), (-1, 0, 2, 2), (0, 0, 0, 5), (1, 2, 3), "abcd", 5])
@pytest.mark.parametrize("tile", [0, 32])
def test_regions_beyond_the_picture_are_input_errors(region, tile):
    data = api.compress(coloured(60, 80, 3), tile=tile)
    with pytest.raises(InputError, match="region"):
        api.decompress(data, region=region)


def test_regions_are_of_pictures_and_go_alone():
    series = api.compress(np.cumsum(np.ones((100, 2), np.float32), axis=0))
    with pytest.raises(InputError, match="only a picture"):
        api.decompress(series, region=(0, 0, 1, 1))
    with pytest.raises(ConfigError, match="region"):
        api.decompress(api.compress(coloured(60, 80, 3)), region=(0, 0, 1, 1), scale=2)


@pytest.mark.parametrize("name", ["jpeg2000-like", "jpeg-like"])
def test_a_small_picture_of_tiles(name):
    x = coloured(150, 203, 4)
    data = api.compress(x, name, 80, tile=64)
    for scale in (2, 8):
        small, as_one = (api.decompress(each, scale=scale) for each in (data, api.compress(x, name, 80)))
        assert small.shape == as_one.shape == (-(-150 // scale), -(-203 // scale), 4)
        assert psnr(small[..., :3], as_one[..., :3]) > 28
    with pytest.raises(InputError, match="do not meet"):
        api.decompress(api.compress(x, name, 80, tile=50), scale=4)


# What is refused


@pytest.mark.parametrize("tile", [1, 15, -3, 16385, 32.0, "x"])
def test_sides_of_tiles_beyond_the_limits_are_config_errors(tile):
    with pytest.raises(ConfigError, match="tile is"):
        api.compress(coloured(60, 80, 3), tile=tile)


def test_series_have_no_tiles_and_pictures_no_chunks():
    with pytest.raises(ConfigError, match="does not work in tiles"):
        api.compress(np.zeros((100, 2), np.float32), tile=32)
    with pytest.raises(ConfigError, match="does not work in chunks"):
        api.compress(coloured(60, 80, 3), chunk=32)


def remade(file, **changes):
    return container.pack(replace(file, **changes))


@pytest.mark.parametrize(
    "params",
    [b"", b"\x20", b"\x00\x00", b"\x20\x21", b"\x20\x10\x00", b"\x21\x10", b"\x10\x08", varint.put(1 << 60) * 2],
)
def test_parameters_that_do_not_fit_are_format_errors(params):
    file = container.unpack(api.compress(coloured(60, 80, 3), tile=32))
    with pytest.raises(FormatError):
        api.decompress(remade(file, params=params))


@pytest.mark.parametrize(
    "shape", [(60, 81, 3), (61, 80, 3), (60, 80, 4), (60, 80, 1), (0, 80, 3), (60, 80), (80, 60, 3)]
)
def test_shapes_that_do_not_fit_are_typed_errors_or_the_shape(shape):
    file = container.unpack(api.compress(coloured(60, 80, 3), "jpeg2000-like", tile=32))
    with pytest.raises(FormatError):
        api.decompress(remade(file, shape=shape))


def test_a_tile_beyond_memory_is_a_limit_error():
    file = container.unpack(api.compress(coloured(60, 80, 3), tile=32))
    index, payload = pack_entries([b"\x00"])
    large = replace(file, shape=(1 << 18, 1 << 18, 3), params=varint.put(1 << 18) * 2, sections=(index, payload))
    with pytest.raises(LimitError):
        api.decompress(container.pack(large), region=(0, 0, 1, 1))


@pytest.mark.parametrize("name", ["photo-fast", "photo-hyperprior", "jpeg-like"])
def test_damaged_tiles_with_sound_check_sums_are_typed_errors(name):
    random = np.random.default_rng(0)
    file = container.unpack(api.compress(coloured(60, 80, 4), name, tile=32))
    tiles = [bytes(entry) for entry in container.entries_of(file)]
    for _ in range(30):
        changed = bytearray(tiles[0])
        if random.random() < 0.3:
            del changed[int(random.integers(len(changed))) :]
        else:
            changed[int(random.integers(min(len(changed), 40)))] ^= int(random.integers(1, 256))
        sections = pack_entries([bytes(changed), *tiles[1:]])
        try:
            y = api.decompress(remade(file, sections=sections))
        except TinifyError:
            continue
        assert y.shape == (60, 80, 4)


def test_a_damaged_index_is_a_format_error_and_tiles_cannot_change_places():
    data = api.compress(coloured(75, 90, 3), "jpeg2000-like", tile=32)
    file = container.unpack(data)
    start = data.index(file.require(INDEX))
    for position in range(start, start + len(file.require(INDEX))):
        changed = data[:position] + bytes([data[position] ^ 4]) + data[position + 1 :]
        with pytest.raises(FormatError):
            api.decompress(changed, region=(0, 0, 1, 1))
    tiles = [bytes(entry) for entry in container.entries_of(file)]
    with pytest.raises(FormatError):  # of another size
        api.decompress(remade(file, sections=pack_entries([tiles[-1], *tiles[1:]])))
    with pytest.raises(FormatError):
        api.decompress(remade(file, sections=pack_entries(tiles[:-1])))
    with pytest.raises(FormatError, match="no payload"):
        api.decompress(remade(file, sections=(file.sections[0], Section(16, b""))), region=(0, 0, 1, 1))
