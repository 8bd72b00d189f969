# SPDX-License-Identifier: Apache-2.0
"""What a codec's real files are worth: pictures it was not trained on, through the public calls and back."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tinify import api
from tinify.data.picture_store import load_picture, picture_files
from tinify.errors import InputError, TinifyError
from tinify.metrics.psnr import psnr
from tinify.models.image.base import ImageCodec
from tinify.training.image.processes import Processes
from tinify.training.image.rates import Rates
from tinify.training.image.recipe import Validation


def ready(average: ImageCodec) -> ImageCodec:
    """The codec as an export would have it, on the CPU, with tables of its own."""
    codec = copy.deepcopy(average).cpu().eval().requires_grad_(False)
    codec.update(force=True, update_quantiles=True)
    codec.name = codec.name or "trained"  # a file has a name in it
    return codec


class Validator:
    """Measures at each quality: bits per pixel (of the whole file), PSNR, and the cost `lmbda 255^2 MSE + bpp`.

    The mean cost is what weights are compared by. Each process takes its share of the pictures.
    """

    def __init__(self, options: Validation, data: Path, rates: Rates, among: Processes):
        self.options, self.rates, self.among = options, rates, among
        files = picture_files([data / folder for folder in options.folders])
        self.files = files[: options.pictures or None]
        if not self.files:
            raise InputError(f"validation.folders: no pictures in {', '.join(options.folders)} below {data}")

    def measure(self, codec: ImageCodec) -> dict[str, Any]:
        """`{"cost", "qualities": {quality: {"bpp", "psnr", "cost"}}}` of a codec that is `ready`.

        TinifyError, in all processes, where one cannot: weights of the first steps may be unfit for tables."""
        sums, error = np.zeros((len(self.options.qualities), 3)), None
        try:
            for path in self.files[self.among.rank :: self.among.count]:
                picture = load_picture(path)
                sums += [self._one(codec, picture, quality) for quality in self.options.qualities]
        except TinifyError as raised:
            error = raised
        if self.among.any(error is not None):
            raise error or TinifyError("another process could not measure")
        # Not every device has float64; what float32 loses is nothing beside the spread of pictures.
        means = self.among.mean(torch.tensor(sums, dtype=torch.float32, device=self.among.device)).cpu().numpy()
        means = means.astype(float) * self.among.count / len(self.files)
        rows = [dict(zip(("bpp", "psnr", "cost"), row.tolist(), strict=True)) for row in means]
        named = {f"{quality:g}": row for quality, row in zip(self.options.qualities, rows, strict=True)}
        return {"cost": float(means[:, 2].mean()), "qualities": named}

    @torch.no_grad()
    def _one(self, codec: ImageCodec, picture: np.ndarray, quality: float) -> tuple[float, float, float]:
        data = api.compress(picture, codec, quality=quality)
        restored = api.decompress(data, codec)
        bpp = 8 * len(data) / (picture.shape[0] * picture.shape[1])
        mse = float(np.square(picture.astype(np.float32) - restored).mean())
        return bpp, psnr(picture, restored), self.rates.lmbda(codec.level_of(quality)) * mse + bpp
