# SPDX-License-Identifier: Apache-2.0
import itertools

import numpy as np
import pytest
import torch
from PIL import Image

from tinify.data.images import ImageCrops
from tinify.errors import InputError


def _picture(height, width, value=None, seed=0):
    if value is not None:
        return np.full((height, width, 3), value, np.uint8)
    return np.random.default_rng(seed).integers(256, size=(height, width, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    Image.fromarray(_picture(40, 30, seed=1)).save(tmp_path / "a.png")
    (tmp_path / "more").mkdir()
    Image.fromarray(_picture(20, 50, seed=2)).save(tmp_path / "more" / "b.PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path


def _take(crops, count):
    return list(itertools.islice(crops, count))


def test_batches_are_8_bit_and_channels_last(folder):
    (batch,) = _take(ImageCrops([folder], crop=16, batch_size=5), 1)
    assert batch.shape == (5, 3, 16, 16) and batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_every_crop_is_part_of_a_picture_upright_or_flipped(folder):
    pictures = [_picture(40, 30, seed=1), _picture(20, 50, seed=2)]
    windows = set()
    for picture in pictures:
        for flipped in (picture, picture[:, ::-1]):
            for turned in (flipped, flipped.swapaxes(0, 1)):
                for top in range(turned.shape[0] - 15):
                    for left in range(turned.shape[1] - 15):
                        windows.add(turned[top : top + 16, left : left + 16].tobytes())
    for batch in _take(ImageCrops([folder], crop=16, batch_size=4), 10):
        for crop in batch.permute(0, 2, 3, 1):
            assert crop.contiguous().numpy().tobytes() in windows


def test_the_seed_decides_everything(folder):
    first, again, other = (_take(ImageCrops([folder], 16, 2, seed=s), 3) for s in (7, 7, 8))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_skipping_batches_continues_where_they_end(folder):
    whole = _take(ImageCrops([folder], 16, 2, seed=3), 6)
    rest = _take(ImageCrops([folder], 16, 2, seed=3, skip=4), 2)
    assert all(torch.equal(a, b) for a, b in zip(whole[4:], rest, strict=True))


def test_pictures_smaller_than_the_crop_are_left_out(folder):
    assert len(ImageCrops([folder], 20, 1).pictures) == 2
    assert len(ImageCrops([folder], 21, 1).pictures) == 1


def test_a_picture_is_drawn_in_proportion_to_its_area(tmp_path):
    Image.fromarray(_picture(60, 60, value=0)).save(tmp_path / "large.png")
    Image.fromarray(_picture(30, 30, value=255)).save(tmp_path / "small.png")
    crops = torch.cat(_take(ImageCrops([tmp_path], 16, 50), 20))
    share_of_small = (crops[:, 0, 0, 0] == 255).float().mean().item()
    assert share_of_small == pytest.approx(900 / 4500, abs=0.05)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P"])
def test_pictures_of_any_mode_become_rgb(tmp_path, mode):
    Image.fromarray(_picture(20, 20)).convert(mode).save(tmp_path / "picture.png")
    (batch,) = _take(ImageCrops([tmp_path], 16, 1), 1)
    assert batch.shape == (1, 3, 16, 16)


def test_folders_without_a_picture_large_enough_are_named(folder):
    with pytest.raises(InputError, match=f"41x41.*{folder.name}"):
        ImageCrops([folder], 41, 1)


def test_a_file_that_is_no_picture_is_named(folder):
    (folder / "broken.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"broken\.png"):
        ImageCrops([folder], 16, 1)
