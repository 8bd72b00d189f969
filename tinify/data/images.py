# SPDX-License-Identifier: Apache-2.0
"""An endless stream of random crops from folders of pictures, for training without steps and processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tinify.data.picture_store import load_picture, picture_files
from tinify.errors import InputError


class ImageCrops:
    """An endless stream of batches (B, 3, crop, crop), uint8, channels-last, cropped and flipped at random.

    Every picture is chosen with a probability in proportion to its area. Deterministic for a seed; `skip` batches
    can be passed over so that a resumed run continues where it stopped. Pictures smaller than the crop are left out.
    """

    def __init__(self, folders: list[Path], crop: int, batch_size: int, seed: int = 0, skip: int = 0):
        self.crop, self.batch_size, self.seed, self.skip = crop, batch_size, seed, skip
        self.pictures = [p for p in map(load_picture, picture_files(folders)) if min(p.shape[:2]) >= crop]
        if not self.pictures:
            raise InputError(f"no picture of at least {crop}x{crop} in {', '.join(map(str, folders))}")
        area = np.array([p.shape[0] * p.shape[1] for p in self.pictures], dtype=np.float64)
        self._probability = area / area.sum()

    def __iter__(self) -> Iterator[Tensor]:
        random = np.random.default_rng(self.seed)
        for number in range(2**62):
            crops = [self._crop(random) for _ in range(self.batch_size)]
            if number >= self.skip:
                yield torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)

    def _crop(self, random: np.random.Generator) -> np.ndarray:
        picture = self.pictures[random.choice(len(self.pictures), p=self._probability)]
        top = random.integers(picture.shape[0] - self.crop + 1)
        left = random.integers(picture.shape[1] - self.crop + 1)
        crop = picture[top : top + self.crop, left : left + self.crop]
        crop = crop[:, ::-1] if random.random() < 0.5 else crop
        return crop.swapaxes(0, 1) if random.random() < 0.5 else crop
