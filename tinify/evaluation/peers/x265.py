# SPDX-License-Identifier: Apache-2.0
"""HEVC intra as x265 codes it, a peer of image codecs, of the extra `peers`."""

from __future__ import annotations

from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import torch

from tinify.errors import InputError
from tinify.evaluation.peers.base import Peer
from tinify.transforms.colour import YcbcrAnalysis, YcbcrSynthesis

_BITS = 10  # of x265's samples: eight would lose as much in the colour transform as it does at a fine quantizer
_FORMAT, _TOP, _MIDDLE = "yuv444p10le", (1 << _BITS) - 1, 1 << (_BITS - 1)


def _encode_x265(picture: np.ndarray, quality: float) -> bytes:
    """The bare HEVC stream of one intra frame, 4:4:4, of YCbCr in ten bits; quality q is the parameter qp = 51 - q.

    Tenths lower the quantizers of the colours, by as many steps: for the search of a size."""
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
    colours = -round(10 * (quality - int(quality)))
    offsets = f":cbqpoffs={colours}:crqpoffs={colours}" if colours else ""
    parameters = f"qp={51 - int(quality)}{offsets}:keyint=1:info=0:log-level=none:{threads}"
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


X265 = Peer(
    "x265", "image", "av", (4, 9, 14, 19, 24, 29, 33, 37), "51 - qp, from 0 to 51", _encode_x265, _decode_x265,
    grid=range(52), variants=tuple(tenths / 10 for tenths in range(1, 8)),
    summary="HEVC intra by x265, 4:4:4, 10 bits, veryslow, tuned for PSNR",
)  # fmt: skip
