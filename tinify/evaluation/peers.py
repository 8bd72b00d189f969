# SPDX-License-Identifier: Apache-2.0
"""Peers of an image codec beyond Pillow's, of the extra `peers`: JPEG XL, and HEVC intra as x265 codes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch

from tinify.errors import InputError, MissingExtraError
from tinify.transforms.colour import YcbcrAnalysis, YcbcrSynthesis

_BITS = 10  # of x265's samples: eight would lose as much in the colour transform as it does at a fine quantizer
_FORMAT, _TOP, _MIDDLE = "yuv444p10le", (1 << _BITS) - 1, 1 << (_BITS - 1)


@dataclass(frozen=True)
class Peer:
    """(H, W, 3) uint8 to the bytes of a file and back, as `Baseline`, by a library of the extra."""

    name: str
    library: str
    qualities: tuple[float, ...]
    grid: Sequence[float]
    encoder: Callable[[np.ndarray, float], bytes]
    decoder: Callable[[bytes], np.ndarray]

    def missing(self) -> str | None:
        """Why it cannot be had here; None where it can."""
        if find_spec(self.library) is not None:
            return None
        return f'{self.name} needs the library {self.library}: pip install "tinify-codec[peers]"'

    def encode(self, picture: np.ndarray, quality: float) -> bytes:
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise InputError(f"{self.name} takes (H, W, 3) uint8, not {picture.dtype} {picture.shape}")
        self._require()
        return self.encoder(np.ascontiguousarray(picture), quality)

    def decode(self, data: bytes) -> np.ndarray:
        self._require()
        return self.decoder(data)

    def _require(self) -> None:
        reason = self.missing()
        if reason:
            raise MissingExtraError(reason)


def _jxl_distance(quality: float) -> float:
    """The distance that libjxl's own tool takes for a quality."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _encode_jxl(picture: np.ndarray, quality: float) -> bytes:
    options = {"effort": 7, "lossless": False, "usecontainer": False, "numthreads": torch.get_num_threads()}
    encode = import_module("imagecodecs").jpegxl_encode
    return bytes(encode(picture, distance=_jxl_distance(quality), **options))


def _decode_jxl(data: bytes) -> np.ndarray:
    return np.asarray(import_module("imagecodecs").jpegxl_decode(data, numthreads=torch.get_num_threads()))


def _encode_x265(picture: np.ndarray, quality: float) -> bytes:
    """The bare HEVC stream of one intra frame, 4:4:4, of YCbCr in ten bits; quality q is the parameter qp = 51 - q."""
    av = import_module("av")
    height, width = picture.shape[:2]
    frame = av.VideoFrame(width, height, _FORMAT)
    for plane, samples in zip(frame.planes, _ten_bits(picture), strict=True):
        padded = np.zeros((height, plane.line_size // 2), np.uint16)
        padded[:, :width] = samples
        plane.update(padded.tobytes())
    codec = av.CodecContext.create("libx265", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = width, height, _FORMAT, Fraction(1, 25)
    threads = f"pools={torch.get_num_threads()}:frame-threads=1"
    parameters = f"qp={51 - int(quality)}:keyint=1:info=0:log-level=none:{threads}"
    codec.options = {"preset": "veryslow", "tune": "psnr", "x265-params": parameters}
    return b"".join(bytes(packet) for packet in codec.encode(frame) + codec.encode(None))


def _decode_x265(data: bytes) -> np.ndarray:
    codec = import_module("av").CodecContext.create("hevc", "r")
    codec.thread_count = torch.get_num_threads()
    packets = codec.parse(data) + codec.parse(b"")
    frames: list[Any] = [frame for packet in [*packets, None] for frame in codec.decode(packet)]
    if len(frames) != 1 or frames[0].format.name != _FORMAT:
        raise InputError(f"{len(frames)} frames; a picture that x265 coded here is one of {_FORMAT}")
    height, width = frames[0].height, frames[0].width
    planes = [np.frombuffer(plane, np.uint16).reshape(height, -1)[:, :width] for plane in frames[0].planes]
    y = np.stack(planes).astype(np.float64)
    y[1:] -= _MIDDLE
    rgb = YcbcrSynthesis()(torch.from_numpy(y * (255 / _TOP))).clamp_(0, 255).round_()
    return rgb.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def _ten_bits(picture: np.ndarray) -> np.ndarray:
    """(3, H, W) uint16: Y, Cb, Cr in their full range."""
    y = YcbcrAnalysis()(torch.from_numpy(picture.astype(np.float64)).permute(2, 0, 1)).numpy() * (_TOP / 255)
    y[1:] += _MIDDLE
    return np.clip(np.rint(y), 0, _TOP).astype(np.uint16)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("libjxl", "imagecodecs", (5, 15, 30, 45, 60, 75, 85, 92, 96), range(101), _encode_jxl, _decode_jxl),
        Peer("x265", "av", (4, 9, 14, 19, 24, 29, 33, 37), range(52), _encode_x265, _decode_x265),
    )
}
