# SPDX-License-Identifier: Apache-2.0
import itertools
import threading

import numpy as np
import pytest
import torch

from tinify.data.crops import Crops, Cut, Prefetch, Shard
from tinify.errors import ConfigError


def _pictures(*sizes):
    random = np.random.default_rng(0)
    return [random.integers(256, size=(*size, 3), dtype=np.uint8) for size in sizes]


def test_batches_are_8_bit_and_channels_last():
    batch = Crops(_pictures((40, 30)), Cut(16, 5)).batch(0)
    assert batch.shape == (5, 3, 16, 16) and batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_every_crop_is_part_of_a_picture_upright_or_flipped():
    pictures, windows = _pictures((20, 22), (18, 17)), set()
    for p in pictures:
        for top, left in itertools.product(range(p.shape[0] - 15), range(p.shape[1] - 15)):
            window = p[top : top + 16, left : left + 16]
            for turned in (window, window[:, ::-1]):
                windows |= {turned.tobytes(), turned.swapaxes(0, 1).tobytes()}
    crops = Crops(pictures, Cut(16, 4))
    for crop in itertools.chain.from_iterable(crops.batch(number) for number in range(10)):
        assert crop.permute(1, 2, 0).contiguous().numpy().tobytes() in windows


def test_without_flips_crops_are_upright():
    gradient = np.broadcast_to(np.arange(40, dtype=np.uint8)[None, :, None], (40, 40, 3))
    crops = Crops([gradient], Cut(16, 50, flip=False, transpose=False)).batch(0).int()
    assert (crops.diff(dim=3) == 1).all()
    turned = Crops([gradient], Cut(16, 50)).batch(0).int()
    assert {(int(c[0, 0, 1] - c[0, 0, 0]), int(c[0, 1, 0] - c[0, 0, 0])) for c in turned} == {
        (1, 0), (-1, 0), (0, 1), (0, -1),
    }  # fmt: skip


def test_pictures_are_chosen_by_their_area():
    large, small = np.full((60, 60, 3), 200, np.uint8), np.full((20, 60, 3), 10, np.uint8)
    batch = Crops([large, small], Cut(16, 1000)).batch(0)
    assert 0.7 < (batch[:, 0, 0, 0] == 200).float().mean() < 0.8


def test_a_batch_follows_from_the_seed_and_its_number():
    pictures = _pictures((40, 30), (25, 60))
    crops, again, other = (Crops(pictures, Cut(16, 4), seed) for seed in (7, 7, 8))
    again.batch(0)
    assert torch.equal(crops.batch(5), again.batch(5))
    assert not torch.equal(crops.batch(5), crops.batch(6)) and not torch.equal(crops.batch(5), other.batch(5))


def test_shards_are_together_the_batch_of_one_process():
    pictures = _pictures((40, 30), (25, 60))
    whole = Crops(pictures, Cut(16, 6)).batch(3)
    shards = [Crops(pictures, Cut(16, 6), shard=Shard(rank, 3)).batch(3) for rank in range(3)]
    assert torch.equal(torch.stack(shards, 1).flatten(0, 1), whole)
    with pytest.raises(ConfigError, match=r"data\.batch_size: 6 cannot be shared by 4 processes evenly"):
        Crops(pictures, Cut(16, 6), shard=Shard(0, 4))


def test_scaled_crops_are_of_larger_windows():
    pictures = [np.full((90, 50, 3), 77, np.uint8), *_pictures((60, 80))]
    crops = Crops(pictures, Cut(16, 400, smallest_scale=0.25))
    sides = crops.draw(0)[:, 3]
    assert sides.min() >= 16 and sides.max() > 48 and (sides <= 60).all()
    assert np.median(sides) == pytest.approx(32, rel=0.15)  # uniform in the logarithm
    batch, first = crops.batch(0), torch.from_numpy(crops.draw(0)[:, 0] == 0)
    assert batch.shape == (400, 3, 16, 16) and (batch[first] == 77).all()


def test_crops_on_a_device_are_the_same():
    pictures = _pictures((40, 30), (25, 60))
    plain, there = (Crops(pictures, Cut(16, 4, smallest_scale=0.5), device=device) for device in (None, "cpu"))
    assert torch.equal(plain.batch(2), there.batch(2))


def test_batches_come_in_order_from_the_first_one_asked_for():
    with Prefetch(lambda number: torch.tensor(number), first=3, ahead=2) as batches:
        assert [int(next(batches)) for _ in range(20)] == list(range(3, 23))
    assert not any(thread.name == "crops" for thread in threading.enumerate())


def test_an_error_is_raised_where_its_batch_is_asked_for():
    def make(number):
        if number == 2:
            raise ValueError("no more")
        return torch.tensor(number)

    with Prefetch(make) as batches:
        assert [int(next(batches)), int(next(batches))] == [0, 1]
        with pytest.raises(ValueError, match="no more"):
            next(batches)
