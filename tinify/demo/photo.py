# SPDX-License-Identifier: Apache-2.0
"""The photo through tinify, and through JPEG, WebP and AVIF at the same size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinify.demo.samples import Photo
from tinify.demo.trial import Codec, Trial, attempt
from tinify.errors import MissingExtraError
from tinify.evaluation.curves import Curve
from tinify.evaluation.peers import PEERS, encode_to_size
from tinify.evaluation.run import evaluate
from tinify.metrics.ms_ssim import ms_ssim, scales_for
from tinify.metrics.psnr import psnr

TITLES = {"avif": "AVIF", "webp": "WebP", "jpeg": "JPEG"}
QUALITIES = (0, 25, 50, 75, 100)
PEER_QUALITIES = {"avif": (10, 30, 45, 60, 75, 88), "webp": (1, 20, 45, 70, 85, 95), "jpeg": (8, 20, 40, 60, 80, 92)}


@dataclass(frozen=True)
class PhotoStudy:
    """tinify's trial first, then the peers, each with at least as many bytes; and curves over several qualities."""

    photo: Photo
    trials: tuple[Trial, ...]
    curves: tuple[Curve, ...]

    def psnr(self, trial: Trial) -> float:
        return psnr(self.photo.pixels, trial.restored)

    def ms_ssim(self, trial: Trial) -> float | None:
        """None for a picture too small for it."""
        if scales_for(*self.photo.pixels.shape[:2]) < 5:
            return None
        return float(ms_ssim(self.photo.pixels, trial.restored))

    def bits_per_pixel(self, trial: Trial) -> float:
        height, width = self.photo.pixels.shape[:2]
        return 8 * len(trial.data) / (height * width)


def study_photo(codec: Codec, photo: Photo, folder: Path) -> PhotoStudy:
    """Writes `<name>.tnf` into `folder` and measures from it. A peer that this Pillow lacks is left out."""
    path = folder / f"{photo.name}.tnf"
    codec.decompress(codec.compress(photo.pixels[:64, :64]))  # loads the weights, so that they are not timed
    ours = attempt("tinify", "tinify", lambda: codec.compress(photo.pixels), codec.decompress, path)
    trials, curves = [ours], [_curve(_Pictures(codec), QUALITIES, photo)]
    for name in TITLES:
        try:
            trials.append(_peer(name, photo.pixels, len(ours.data)))
            curves.append(_curve(PEERS[name], PEER_QUALITIES[name], photo))
        except MissingExtraError:
            continue
    return PhotoStudy(photo, tuple(trials), tuple(curves))


def _peer(name: str, pixels: np.ndarray, size: int) -> Trial:
    peer = PEERS[name]
    found = encode_to_size(peer, pixels, size)  # the search is not timed, only the setting that it found
    label = f"{TITLES[name]}, quality {found.quality:g}"
    return attempt(TITLES[name], label, lambda: peer.encode(pixels, found.quality), peer.decode)


def _curve(codec, qualities: tuple[float, ...], photo: Photo) -> Curve:
    (curve,) = evaluate(codec, {photo.name: photo.pixels}, qualities)
    return Curve(TITLES.get(codec.name, codec.name), curve.points)


class _Pictures:
    """tinify as a rate-distortion run wants a codec."""

    name = "tinify"

    def __init__(self, codec: Codec):
        self._codec = codec

    def encode(self, picture: np.ndarray, quality: float) -> bytes:
        return self._codec.compress(picture, quality=quality)

    def decode(self, data: bytes) -> np.ndarray:
        return self._codec.decompress(data)
