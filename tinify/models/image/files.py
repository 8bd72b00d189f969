# SPDX-License-Identifier: Apache-2.0
"""Pictures to files and back, for every image codec: padding, rate, grey and alpha."""

from __future__ import annotations

import struct

import numpy as np
import torch
from torch import Tensor

from tinify.container import (
    ALPHA,
    METADATA,
    PAYLOAD,
    Section,
    TnfFile,
    pack_metadata,
    pack_strings,
    unpack_metadata,
    unpack_strings,
)
from tinify.entropy_coder import get_entropy_coder, using_entropy_coder
from tinify.errors import ConfigError, FormatError, InputError
from tinify.models.image.alpha import pack_alpha, unpack_alpha
from tinify.ops import pad_to_multiple
from tinify.signal import Signal

# Rate levels are stored as multiples of 1/256, entropy coders as a number.
_PARAMS = struct.Struct("<HB")
_CODERS = ("rans32", "rans64", "rangecoder")
_LOSSLESS = 0xFFFF  # in place of the level


class ImageFiles:
    """`pack` and `unpack` of image codecs with `compress(x, level)`, `decompress(strings, shape, level)`, `shape_for`,
    `downsampling_factor` and, for the rate, `level_of`, the level of a quality or None: 0 to 255, in steps of 1/256.

    (H, W, 1..4) uint8 -> RGB in [0, 1], padded -> compress -> strings -> payload section
                       -> alpha channel         -> lossless  -> alpha section
    """

    has_lossless: bool = False
    """Whether there are `compress_lossless(x)` and `decompress_lossless(strings, shape)` of x (C, H, W) int32."""

    @torch.no_grad()
    def pack(self, signal: Signal, *, quality: float | None = None, lossless: bool = False) -> TnfFile:
        """Compresses (H, W, C) uint8, C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; alpha without loss.

        With `lossless`, where the codec has it, every sample comes back.
        """
        samples = _checked(signal)
        self.eval()
        coder = get_entropy_coder()
        if coder not in _CODERS:
            raise InputError(f"coder {coder!r} has no number in the file format; allowed: {', '.join(_CODERS)}")
        if lossless:
            if not self.has_lossless or quality is not None:
                raise ConfigError(f"codec {self.name!r} with lossless=True, quality {quality}; allowed: one that keeps "
                                  "every sample, without a quality")  # fmt: skip
            strings, stored = self.compress_lossless(_colours(samples).int()), _LOSSLESS
        else:
            level = self.level_of(self.default_quality if quality is None else quality)
            x = pad_to_multiple(_to_tensor(samples), self.downsampling_factor)
            strings = self.compress(x.contiguous(memory_format=torch.channels_last), level).strings
            stored = round((level or 0) * 256)
        sections = [Section(PAYLOAD, pack_strings(strings))]
        if samples.shape[2] in (2, 4):
            sections.append(Section(ALPHA, pack_alpha(samples[:, :, -1])))
        if signal.metadata:
            sections.append(Section(METADATA, pack_metadata(signal.metadata)))
        params = _PARAMS.pack(stored, _CODERS.index(coder))
        return TnfFile("image", self.name, self.fingerprint(), samples.shape, "uint8", params, tuple(sections))

    @torch.no_grad()
    def unpack(self, file: TnfFile) -> Signal:
        """The picture, of the shape that was packed."""
        height, width, channels, level, coder = _checked_header(file)
        self.eval()
        strings = unpack_strings(file.require(PAYLOAD))
        if any(len(stream) != 1 for stream in strings):
            raise FormatError("the payload is a batch of pictures; a file holds one")
        if self.has_lossless and level == _LOSSLESS / 256:
            x = self.decompress_lossless(strings, (1 if channels < 3 else 3, height, width))
            rgb = x.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
        else:
            factor = self.downsampling_factor
            shape = self.shape_for(height + -height % factor, width + -width % factor)
            with using_entropy_coder(_CODERS[coder]):
                x_hat = self.decompress(strings, shape, level if self.has_levels else None).x_hat
            rgb = _to_samples(x_hat[:, :, :height, :width], grey=channels < 3)
        if channels in (2, 4):
            rgb = np.concatenate([rgb, unpack_alpha(file.require(ALPHA), (height, width))[:, :, None]], axis=2)
        metadata = file.find(METADATA)
        return Signal("image", rgb, {} if metadata is None else unpack_metadata(metadata))


def _checked(signal: Signal) -> np.ndarray:
    samples = signal.samples
    if signal.modality != "image" or samples.ndim != 3 or samples.shape[2] not in (1, 2, 3, 4):
        raise InputError(f"an image codec takes (H, W, 1 to 4), not {signal.modality} of shape {samples.shape}")
    if samples.dtype != np.uint8 or 0 in samples.shape:
        raise InputError(f"an image codec takes non-empty uint8 pictures, not {samples.dtype} of {samples.shape}")
    return samples


def _checked_header(file: TnfFile) -> tuple[int, int, int, float, int]:
    if file.modality != "image" or len(file.shape) != 3 or file.shape[2] not in (1, 2, 3, 4) or 0 in file.shape:
        raise FormatError(f"a picture cannot have shape {file.shape}")
    if len(file.params) != _PARAMS.size or file.dtype != "uint8":
        size = len(file.params)
        raise FormatError(f"parameters of {size} bytes for {file.dtype}; a picture has {_PARAMS.size}, uint8")
    level, coder = _PARAMS.unpack(file.params)
    if coder >= len(_CODERS):
        raise FormatError(f"coder number {coder} is unknown to this version; upgrade tinify-codec")
    return *file.shape, level / 256, coder


def _colours(samples: np.ndarray) -> Tensor:
    """(1 or 3, H, W) uint8, without alpha."""
    return torch.from_numpy(np.array(samples[:, :, : 1 if samples.shape[2] < 3 else 3])).permute(2, 0, 1)


def _to_tensor(samples: np.ndarray) -> Tensor:
    return (_colours(samples)[None].float() / 255).expand(-1, 3, -1, -1)


def _to_samples(x_hat: Tensor, grey: bool) -> np.ndarray:
    x_hat = x_hat.mean(dim=1, keepdim=True) if grey else x_hat
    return (x_hat[0] * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
