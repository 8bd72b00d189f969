# SPDX-License-Identifier: Apache-2.0
"""The picture of a JPEG's coefficients: any sampling factors, grey, YCbCr, RGB, CMYK and YCCK."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tinify.container.jpeg_markers import ZIGZAG, Component, Frame, Markers
from tinify.transforms.block_dct import BlockDctSynthesis
from tinify.transforms.colour import YcbcrSynthesis

_SIDE = 8
_APP14, _ADOBE = 0xEE, b"Adobe"
_APP0, _JFIF = 0xE0, b"JFIF"
_ORDER = np.array(ZIGZAG)


def pixels(markers: Markers, planes: list[np.ndarray], steps: list[np.ndarray], skip: int = 0) -> np.ndarray:
    """uint8 (H, W, 1 or 3) of planes (64, h, w) and steps (64,) along the zigzag; at 1 / 2^skip of the size."""
    frame, synthesis = markers.frame, BlockDctSynthesis(_SIDE >> skip, dims=2)
    size = tuple(-(-side // (1 << skip)) for side in (frame.height, frame.width))
    parts = [
        _component(frame, component, q, step, synthesis, skip, size)
        for component, q, step in zip(frame.components, planes, steps, strict=True)
    ]
    colours = torch.cat(parts, 1)[0]
    picture = _rgb(colours, markers).clamp_(0, 255).round_().to(torch.uint8)
    return picture.permute(1, 2, 0).contiguous().numpy()


def _component(
    frame: Frame, component: Component, q: np.ndarray, step: np.ndarray, synthesis, skip: int, size: tuple[int, int]
) -> Tensor:
    """(1, 1, H, W) samples of a component, around 128, as large as the picture."""
    side, natural = _SIDE >> skip, np.empty(q.shape, np.float32)
    natural[_ORDER] = q * step[:, None, None].astype(np.float32)
    low = natural.reshape(_SIDE, _SIDE, *q.shape[1:])[:side, :side].reshape(side**2, *q.shape[1:])
    y = torch.from_numpy(np.ascontiguousarray(low))[None] / (1 << skip)
    most = [factor // _SIDE for factor in frame.mcu]
    own = [
        -(-side * part // whole)
        for side, part, whole in zip(size, (component.down, component.across), most, strict=True)
    ]
    x = synthesis(y, tuple(own)) + 128
    if tuple(own) == size:
        return x
    exact = [whole // part if whole % part == 0 else None for part, whole in
             zip((component.down, component.across), most, strict=True)]  # fmt: skip
    if None in exact:
        return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
    grown = F.interpolate(x, scale_factor=tuple(map(float, exact)), mode="bilinear", align_corners=False)
    return grown[..., : size[0], : size[1]]


def _rgb(x: Tensor, markers: Markers) -> Tensor:
    """Red, green, blue, or grey, of components (C, H, W) from 0 to 255."""
    adobe, jfif = markers.segment(_APP14, _ADOBE), markers.segment(_APP0, _JFIF)
    transform = adobe[11] if adobe is not None and len(adobe) > 11 else None
    if len(x) == 1:
        return x
    numbers = bytes(component.number for component in markers.frame.components)
    if len(x) == 3:
        plain = transform == 0 or (transform is None and jfif is None and numbers == b"RGB")
        return x if plain else _from_ycbcr(x)
    colours, black = x[:3].clamp(0, 255), x[3:].clamp(0, 255)
    colours = _from_ycbcr(colours).clamp(0, 255) if transform == 2 else colours
    if adobe is None:  # Adobe's are inverted
        colours, black = 255 - colours, 255 - black
    return colours * black / 255


def _from_ycbcr(x: Tensor) -> Tensor:
    return YcbcrSynthesis()(x - x.new_tensor([0.0, 128.0, 128.0])[:, None, None])
