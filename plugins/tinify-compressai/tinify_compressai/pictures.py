# SPDX-License-Identifier: Apache-2.0
"""CompressAI's image models as codecs of files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from tinify.container import TnfFile
from tinify.entropy_coder import get_entropy_coder, using_entropy_coder
from tinify.errors import FormatError, InputError, LimitError, TinifyError
from tinify.models import Codec, ImageFiles
from tinify.records import CompressOutput, DecompressOutput, ForwardOutput
from tinify.signal import Signal
from tinify_compressai import models
from tinify_compressai.foreign import requirements

CODER = "rans64"
MOST_PIXELS = 1 << 26  # of a picture without tiles: CompressAI makes lists of all its numbers


class PictureCodec(ImageFiles, Codec):
    """A model of CompressAI around which files are made.

        (H, W, C) ──► padded, in [0, 1] ──► model.compress ──► strings ──► .tnf, and back by model.decompress

    `model` is CompressAI's own object, `state_dict` its own: checkpoints load unchanged. Files are in `rans64` streams,
    CompressAI's; they name this plugin, and are marked as not portable where a network in floating point chose tables.
    """

    modality: ClassVar[str] = "image"
    architecture: ClassVar[str]
    stride: ClassVar[int] = 64

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self.model = models.build(self.architecture, **arguments)
        self.name = f"compressai-{self.architecture}"
        self.requires = requirements()

    @classmethod
    def of(cls, model: Any) -> PictureCodec:
        """The codec around a model that there is already; it is put into evaluation mode and keeps its weights."""
        codec = cls.__new__(cls)
        Codec.__init__(codec)
        codec.model = models.ready(model)
        codec.name = f"compressai-{cls.architecture}"
        codec.requires = requirements()
        return codec

    @property
    def downsampling_factor(self) -> int:
        return self.stride

    @property
    def is_portable(self) -> bool:
        return not any(hasattr(module, "scale_table") for module in self.model.modules())

    @property
    def has_levels(self) -> bool:
        return False

    def level_of(self, quality: float) -> float | None:
        """None: there is one rate. InputError for what is no quality."""
        if not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        return None

    def shape_for(self, height: int, width: int) -> Any:
        """The `shape` of CompressAI's `decompress` for a padded picture of this size."""
        return height // self.stride, width // self.stride

    def rate_at(self, level: float | None) -> dict[str, Any]:
        """The arguments by which the model is told of the rate."""
        return {}

    def forward(self, x: Tensor, level: float | None = None) -> ForwardOutput:
        out = self.model(x, **self.rate_at(level))
        return ForwardOutput(out["x_hat"], out["likelihoods"])

    def compress(self, x: Tensor, level: float | None = None) -> CompressOutput:
        self.update()
        out = self.model.compress(x, **self.rate_at(level))
        return CompressOutput([list(stream) for stream in out["strings"]], out["shape"])

    def decompress(self, strings: list[list[bytes]], shape: Any, level: float | None = None) -> DecompressOutput:
        """FormatError, DesyncError for strings that this model did not make."""
        self.update()
        try:
            return DecompressOutput(self.model.decompress(strings, shape, **self.rate_at(level))["x_hat"])
        except TinifyError:
            raise
        except Exception as error:  # CompressAI asserts where a file is not of its making
            raise FormatError(f"{self.name} cannot decode this: {type(error).__name__}: {error}") from error

    def pack_picture(self, signal: Signal, **rate: Any) -> TnfFile:
        if np.prod(signal.samples.shape[:2], dtype=np.int64) > MOST_PIXELS:
            raise InputError(f"a picture of {signal.samples.shape} without tiles; allowed: {MOST_PIXELS} pixels")
        with using_entropy_coder(CODER):
            return super().pack_picture(signal, **rate)

    def unpack_picture(self, file: TnfFile, **part: Any) -> Signal:
        if len(file.shape) > 1 and file.shape[0] * file.shape[1] > MOST_PIXELS:
            raise LimitError(f"a picture of {file.shape} without tiles; allowed: {MOST_PIXELS} pixels")
        return super().unpack_picture(file, **part)

    def decompress_samples(self, *args: Any, **kwargs: Any) -> np.ndarray:
        if get_entropy_coder() != CODER:
            raise FormatError(f"the streams are {get_entropy_coder()}'s; CompressAI's models write {CODER}'s")
        return super().decompress_samples(*args, **kwargs)

    def update(self, scale_table: Any = None, force: bool = False, **options: Any) -> bool:
        """CompressAI's `update`: makes tables that are missing; after training, `force=True` makes them anew."""
        return models.update(self.model, scale_table=scale_table, force=force, **options)

    def aux_loss(self) -> Tensor:
        return self.model.aux_loss()

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The model's own, under CompressAI's names."""
        return self.model.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """CompressAI's checkpoints, and tinify's of the same architecture. WeightsError."""
        return models.load(self.model, state_dict, strict=strict)


class TwoWidths(PictureCodec):
    """N channels inside, M in the latent."""

    def __init__(self, N: int = 128, M: int = 192) -> None:
        super().__init__(N=N, M=M)


class OneWidth(PictureCodec):
    """N channels everywhere."""

    def __init__(self, N: int = 192) -> None:
        super().__init__(N=N)


class Factorized(TwoWidths):
    """Without side information: sixteen times smaller, and tables that are there before anything is decoded."""

    stride = 16


class VariableRate(PictureCodec):
    """Every rate from one checkpoint: `level` in [0, 7] is between the gains of the model, in even ratios.

    With `vr_entbttlnck` the tables of z are those of the model's last `update`, as in CompressAI.
    """

    def __init__(self, N: int = 192, M: int = 320, vr_entbttlnck: bool = False) -> None:
        super().__init__(N=N, M=M, vr_entbttlnck=vr_entbttlnck)

    @property
    def has_levels(self) -> bool:
        return True

    @property
    def level_count(self) -> int:
        return len(self.model.Gain)

    def level_of(self, quality: float) -> float:
        """On the grid that a file can store."""
        super().level_of(quality)
        return round(quality / 100 * (self.level_count - 1) * 256) / 256

    def rate_at(self, level: float | None) -> dict[str, Any]:
        level = (self.level_count - 1) / 2 if level is None else min(max(float(level), 0.0), self.level_count - 1.0)
        gains = self.model.Gain.detach().abs()
        low = int(level)
        high = min(low + 1, self.level_count - 1)
        between = gains[low].double() * (gains[high] / gains[low]).double() ** (level - low)
        return {"stage": 2, "inputscale": gains[low] if level == low else between.float()}


class Bmshj2018Factorized(Factorized):
    architecture = "bmshj2018-factorized"


class Bmshj2018FactorizedRelu(Factorized):
    architecture = "bmshj2018-factorized-relu"


class Bmshj2018Hyperprior(TwoWidths):
    architecture = "bmshj2018-hyperprior"


class Mbt2018Mean(TwoWidths):
    architecture = "mbt2018-mean"


class Mbt2018(TwoWidths):
    architecture = "mbt2018"

    def __init__(self, N: int = 192, M: int = 192) -> None:
        super().__init__(N, M)


class Cheng2020Anchor(OneWidth):
    architecture = "cheng2020-anchor"


class Cheng2020Attn(OneWidth):
    architecture = "cheng2020-attn"


class Cheng2020AnchorCheckerboard(OneWidth):
    architecture = "cheng2020-anchor-checkerboard"

    def shape_for(self, height: int, width: int) -> Any:
        channels = self.model.latent_codec["y"].context_prediction.in_channels
        return {"y": (channels, height // 16, width // 16), "hyper": super().shape_for(height, width)}


class Elic2022Official(PictureCodec):
    architecture = "elic2022-official"

    def __init__(self, N: int = 192, M: int = 320, groups: list[int] | None = None) -> None:
        super().__init__(N=N, M=M, groups=groups)

    def shape_for(self, height: int, width: int) -> Any:
        latents = [(channels, height // 16, width // 16) for channels in self.model.groups]
        return {"y": latents, "hyper": super().shape_for(height, width)}


class Elic2022Chandelier(Elic2022Official):
    architecture = "elic2022-chandelier"


class Bmshj2018HyperpriorVbr(VariableRate):
    architecture = "bmshj2018-hyperprior-vbr"


class Mbt2018MeanVbr(VariableRate):
    architecture = "mbt2018-mean-vbr"


class Mbt2018Vbr(VariableRate):
    architecture = "mbt2018-vbr"

    def __init__(self, N: int = 192, M: int = 320) -> None:
        PictureCodec.__init__(self, N=N, M=M)
