# SPDX-License-Identifier: Apache-2.0
"""JPEG's transform and tables under an entropy coding of today, which holds JPEG files, too."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tinify.container import TnfFile
from tinify.entropy_models.block_contexts import BlockContexts
from tinify.entropy_models.edge import EdgeModel
from tinify.errors import ConfigError, FormatError, InputError
from tinify.latent_codecs.base import by_item
from tinify.latent_codecs.block_planes import LARGEST_VALUE, BlockPlanes
from tinify.latent_codecs.block_schedule import BESIDE, GROUPS, NEAR
from tinify.models.base import Codec
from tinify.models.image.files import ImageFiles
from tinify.models.image.jpeg_repack import holds_jpeg, unpack_pixels
from tinify.quantizers.matrix import ANNEX_K, Matrix
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput
from tinify.signal import Signal
from tinify.transforms.block_dct import BlockDctAnalysis, BlockDctSynthesis, zigzag
from tinify.transforms.colour import YcbcrAnalysis, YcbcrSynthesis
from tinify.transforms.subsample import SubsampleAnalysis, SubsampleSynthesis

SIDE = 8
TABLES = {"annex-k": ANNEX_K, "flat": ("flat",) * 3}
FACTORS = {"4:2:0": (2, 2), "4:4:4": (1, 1)}
_OWN = "own"
_VARIANTS = [(table, sampling) for table in (*TABLES, _OWN) for sampling in FACTORS]
_SECTIONS = (4, 24, 63)  # planes that pictures at a quarter, a half, and all of the size need


class JpegLike(ImageFiles, Codec):
    """Pictures by JPEG's steps, qualities 1 to 100, in fewer bytes than JPEG needs for the same numbers.

             ┌─────┐   ┌─────────┐   ┌───────┐  y  ┌───────────────┐ q ┌─────────────────┐
        x ─►─┤YCbCr├─►─┤subsample├─►─┤8x8 DCT├──►──┤table * quality├─►─┤planes by zigzag,├──···
             └─────┘   └─────────┘   └───────┘     └───────────────┘   │coarse to fine   │
                                                                       └─────────────────┘

    x (B, 3, H, W) in [0, 1], of any size. `table`: "annex-k", "flat" or own ones of Y, Cb, Cr, of 8 x 8 whole numbers,
    which are then among the weights; `subsampling`: "4:2:0" or "4:4:4"; a file says which. `threshold` 0.5 rounds as
    JPEG encoders do, more saves bits. Streams: the smooth planes, which are the picture at an eighth of its size;
    planes up to a quarter; a half; all. The first streams give a coarser picture of the full size, too. A file may hold
    a JPEG's own coefficients in place of a picture's: see `jpeg_repack`.

    Source: ITU-T T.81 (transform, tables, zigzag).
    """

    modality: ClassVar[str] = "image"
    default_quality: ClassVar[float] = 75.0
    downsampling_factor: ClassVar[int] = 1
    has_levels: ClassVar[bool] = True
    halvings: ClassVar[int] = 3

    def __init__(
        self, table: str | list = "annex-k", subsampling: str = "4:2:0", threshold: float = 0.5, sets: int = 8
    ):
        super().__init__()
        own = not isinstance(table, str)
        if (own and len(table) != len(ANNEX_K)) or (not own and table not in TABLES) or subsampling not in FACTORS:
            raise ConfigError(
                f"table is {table!r}, subsampling {subsampling!r}; allowed: {', '.join(TABLES)} or three own ones; "
                f"{', '.join(FACTORS)}"
            )
        if own:
            self.register_buffer("own", Matrix(table).entries)
        self.variant = _VARIANTS.index((_OWN if own else table, subsampling))
        self.colour, self.colour_back = YcbcrAnalysis(), YcbcrSynthesis()
        self.luma, self.chroma = Matrix(ANNEX_K[:1], threshold=threshold), Matrix(ANNEX_K[1:], threshold=threshold)
        self.planes = BlockPlanes(BlockContexts(GROUPS, NEAR, BESIDE, sets), EdgeModel(2), _SECTIONS)
        # In a tuple, so that their bases, which are no weights, are not among these.
        self._dct = (BlockDctAnalysis(SIDE, dims=2), *(BlockDctSynthesis(SIDE >> k, dims=2) for k in range(4)))

    def level_of(self, quality: float) -> float:
        """The level of a quality in [0, 100]: whole ones from 1 on, and behind the point the table and subsampling."""
        if not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        return max(1, round(quality)) + self.variant / 256

    def shape_for(self, height: int, width: int) -> tuple[int, int]:
        return height, width

    @torch.no_grad()
    def forward(self, x: Tensor, level: float | None = None) -> ForwardOutput:
        """What x becomes, and the probability that the bits of all of it have on average; no gradient."""
        out = self.compress(x, level)
        bits = 8 * sum(len(item) for stream in out.strings for item in stream)
        x_hat = self.decompress(out.strings, out.shape, level).x_hat
        return ForwardOutput(x_hat, {"y": torch.full_like(x, 2.0 ** -(bits / max(x.numel(), 1)))})

    @torch.no_grad()
    def compress(self, x: Tensor, level: float | None = None) -> CompressOutput:
        """Streams of a string for each picture of x (B, 3, H, W), and the shape (H, W)."""
        items = []
        for picture in x:
            planes, steps = self.coefficients(picture, level)
            items.append(self.planes.encode(planes, steps))
        return CompressOutput([list(stream) for stream in zip(*items, strict=True)], tuple(x.shape[-2:]))

    @torch.no_grad()
    def decompress(
        self, strings: list[list[bytes]], shape: tuple[int, int], level: float | None = None, skip: int = 0
    ) -> DecompressOutput:
        """x_hat (B, 3, H, W) in [0, 1]; with `skip` at 1 / 2^skip of that size. Streams at the end may be missing where
        only their detail is to be."""
        quality, table, sampling = self._chosen(level)
        steps = self._steps(quality, table)
        down, across = FACTORS[sampling]
        small = -(-shape[0] // down), -(-shape[1] // across)
        sizes = [tuple(-(-side // SIDE) for side in size) for size in (shape, small, small)]
        if len(strings) < self.halvings + 1 - skip and skip:
            raise FormatError(f"{len(strings)} streams; a picture at 1 / {1 << skip} needs {self.halvings + 1 - skip}")
        pictures = []
        for item in by_item(strings[: self.halvings + 1 - skip]):
            planes = self.planes.decode(item, sizes, steps)
            pictures.append(self.picture(planes, steps, shape, sampling, skip))
        return DecompressOutput(torch.stack(pictures))

    def coefficients(self, x: Tensor, level: float | None = None) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Planes int32 (64, h, w) along the zigzag, and steps (64,), of Y, Cb, Cr of x (3, H, W)."""
        quality, table, _ = self._chosen(level)
        found = []
        for y, matrix, step in self._parts(x, level):
            q = matrix.quantize(y, step).clamp_(-LARGEST_VALUE, LARGEST_VALUE)
            found += list(q.view(-1, SIDE**2, *q.shape[1:]).numpy())
        return [np.ascontiguousarray(q[self._order()]) for q in found], self._steps(quality, table)

    def count_points(self, x: Tensor, level: float, chroma: bool) -> Tensor:
        """What `fit` of the quantizer of luma, or of the others, takes, of x (3, H, W)."""
        y, matrix, step = self._parts(x, level)[chroma]
        return matrix.count(y, matrix.quantize(y, step), step)

    def _parts(self, x: Tensor, level: float | None) -> list[tuple[Tensor, Matrix, Tensor]]:
        """Coefficients (C, h, w), their quantizer and steps (C, 1, 1), of luma and of the others."""
        quality, table, sampling = self._chosen(level)
        steps = self._tables(quality, table).float()
        y, matrices = self.analysis(x, sampling), (self.luma, self.chroma)
        return [
            (part[0], matrix, some.reshape(-1, 1, 1))
            for part, matrix, some in zip(y, matrices, (steps[:1], steps[1:]), strict=True)
        ]

    def analysis(self, x: Tensor, sampling: str) -> tuple[Tensor, Tensor]:
        """Coefficients (1, 64, h, w) of luma, (1, 128, h', w') of the others, frequencies by rows, of x (3, H, W)."""
        colours = self.colour(255 * x[None].float().contiguous() - 128)
        return tuple(map(self._dct[0], SubsampleAnalysis(FACTORS[sampling])(colours)))

    def picture(
        self, planes: list[np.ndarray], steps: list[np.ndarray], shape: tuple[int, int], sampling: str, skip: int = 0
    ) -> Tensor:
        """x_hat (3, H, W) in [0, 1] of planes of Y, Cb, Cr, or at 1 / 2^skip of that size."""
        size = tuple(-(-side // (1 << skip)) for side in shape)
        small = tuple(-(-side // factor) for side, factor in zip(size, FACTORS[sampling], strict=True))
        parts = [
            self._component(q, step, matrix, wanted, skip)
            for q, step, matrix, wanted in zip(
                planes, steps, (self.luma, self.chroma, self.chroma), (size, small, small), strict=True
            )
        ]
        colours = SubsampleSynthesis(FACTORS[sampling])((parts[0], torch.cat(parts[1:], 1)))
        return self.colour_back(colours)[0].add_(128).div_(255).clamp_(0, 1)

    def _component(self, q: np.ndarray, step: np.ndarray, matrix: Matrix, size: tuple[int, int], skip: int) -> Tensor:
        """(1, 1, h, w) of a component, of the low frequencies that `skip` leaves."""
        side, natural = SIDE >> skip, np.empty_like(q)
        natural[self._order()] = q
        low = natural.reshape(SIDE, SIDE, *q.shape[1:])[:side, :side].reshape(side**2, *q.shape[1:])
        steps = torch.from_numpy(self._natural(step).reshape(SIDE, SIDE)[:side, :side].copy()).float()
        y = matrix.dequantize(torch.from_numpy(low), steps.view(-1, 1, 1)) / (1 << skip)
        return self._dct[1 + skip](y[None], size)

    def _chosen(self, level: float | None) -> tuple[int, str, str]:
        level = self.level_of(self.default_quality) if level is None else level
        quality, variant = int(level), round(256 * (level - int(level)))
        if not 1 <= quality <= 100 or variant >= len(_VARIANTS):
            raise FormatError(f"level {level} is no quality from 1 to 100 with a table and subsampling that is known")
        return quality, *_VARIANTS[variant]

    def _steps(self, quality: int, table: str) -> list[np.ndarray]:
        """int64 (64,) of Y, Cb, Cr along the zigzag."""
        return [each.flatten().numpy()[self._order()] for each in self._tables(quality, table)]

    def _tables(self, quality: int, table: str) -> Tensor:
        """int64 (3, 8, 8)."""
        if table == _OWN and not hasattr(self, "own"):
            raise FormatError("the file was made with a codec's own tables, and this one has none")
        return Matrix(self.own.flatten(1).tolist() if table == _OWN else TABLES[table]).table(quality)

    @staticmethod
    def _order() -> np.ndarray:
        return zigzag(SIDE).numpy()

    def _natural(self, step: np.ndarray) -> np.ndarray:
        natural = np.empty_like(step)
        natural[self._order()] = step
        return natural

    def unpack_picture(self, file: TnfFile, *, scale: int = 1) -> Signal:
        """The picture, also of a file that holds a JPEG; as `ImageFiles.unpack_picture`."""
        return unpack_pixels(self, file, scale) if holds_jpeg(file) else super().unpack_picture(file, scale=scale)
