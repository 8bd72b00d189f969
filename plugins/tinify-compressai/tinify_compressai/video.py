# SPDX-License-Identifier: Apache-2.0
"""CompressAI's video model as a codec of files."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch

from tinify.container import (
    METADATA,
    PAYLOAD,
    Section,
    TnfFile,
    pack_metadata,
    pack_strings,
    unpack_metadata,
    unpack_strings,
)
from tinify.errors import FormatError, InputError
from tinify.ops import pad_to_multiple
from tinify.signal import Signal
from tinify_compressai.whole import WholeCodec

_GRID = 128  # frames are padded to multiples of this: 16 by the transforms, 8 by the side information


class Ssf2020(WholeCodec):
    """Scale-space flow: a key frame, then frames from the one before, all of (T, H, W, 3) uint8.

        frames ──► key:   y, z
                   other: motion y, z; residual y, z   ──► strings, frame after frame ──► .tnf

    Sizes of the networks are fixed. Source: Agustsson, Minnen, Johnston, Ballé, Hwang, Toderici 2020, "Scale-Space Flow
    for End-to-End Optimized Video Compression", CVPR.
    """

    modality: ClassVar[str] = "video"
    architecture: ClassVar[str] = "ssf2020"

    def __init__(self, num_levels: int = 5, sigma0: float = 1.5, scale_field_shift: float = 1.0) -> None:
        super().__init__(num_levels=num_levels, sigma0=sigma0, scale_field_shift=scale_field_shift)

    def forward(self, frames: list[Any]) -> Any:
        return self.model(frames)

    def aux_loss(self) -> Any:
        return torch.stack(self.model.aux_loss()).sum()

    @torch.no_grad()
    def pack(self, signal: Signal, *, quality: float | None = None) -> TnfFile:
        samples = self.checked(signal, quality)
        if samples.ndim != 4 or samples.shape[3] != 3 or samples.dtype != np.uint8 or 0 in samples.shape:
            raise InputError(f"a video is (T, H, W, 3) uint8, not {samples.shape} of {samples.dtype}")
        self.eval().update()
        x = torch.from_numpy(np.ascontiguousarray(samples)).permute(0, 3, 1, 2).float() / 255
        frames = [pad_to_multiple(frame, _GRID) for frame in x.split(1)]
        (key, *others), _ = self.model.compress(frames)
        streams = [*key, *(stream for frame in others for part in ("motion", "residual") for stream in frame[part])]
        sections = [Section(PAYLOAD, pack_strings([list(stream) for stream in streams]))]
        if signal.metadata:
            sections.append(Section(METADATA, pack_metadata(signal.metadata)))
        return self.file(samples, sections)

    @torch.no_grad()
    def unpack(self, file: TnfFile) -> Signal:
        count, height, width, channels = self.checked_file(file, "uint8", 4)
        streams = unpack_strings(file.require(PAYLOAD))
        if channels != 3 or len(streams) != 4 * count - 2 or any(len(stream) != 1 for stream in streams):
            raise FormatError(f"{len(streams)} streams for {count} frames of {channels} channels")
        shape = torch.Size([-(-side // _GRID) for side in (height, width)])
        frames: list[Any] = [streams[:2]]
        for at in range(2, len(streams), 4):
            frames.append({"motion": streams[at : at + 2], "residual": streams[at + 2 : at + 4]})
        shapes = [shape, *({"motion": shape, "residual": shape} for _ in frames[1:])]
        self.eval().update()
        decoded = torch.cat(self.guarded(self.model.decompress, frames, shapes))[:, :, :height, :width]
        samples = (decoded.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
        metadata = file.find(METADATA)
        return Signal(self.modality, samples, {} if metadata is None else unpack_metadata(metadata))
