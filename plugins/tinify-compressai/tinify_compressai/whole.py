# SPDX-License-Identifier: Apache-2.0
"""What codecs of signals other than pictures have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from tinify.container import Section, TnfFile
from tinify.errors import FormatError, InputError, LimitError, TinifyError
from tinify.models import Codec
from tinify.signal import Signal
from tinify_compressai import models
from tinify_compressai.foreign import requirements

MOST_SAMPLES = 1 << 28
PORTABLE, NOT_PORTABLE = b"\x01", b"\x81"  # streams of rans64; + 0x80: networks in floating point chose tables


class WholeCodec(Codec):
    """A model of CompressAI around a whole signal; `state_dict` is CompressAI's own."""

    architecture: ClassVar[str]
    is_portable: ClassVar[bool] = False

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self._around(models.build(self.architecture, **arguments))

    def _around(self, model: Any) -> None:
        self.model = model
        self.name = f"compressai-{self.architecture}"
        self.requires = requirements()

    @classmethod
    def of(cls, model: Any) -> WholeCodec:
        """The codec around a model that there is already."""
        codec = cls.__new__(cls)
        Codec.__init__(codec)
        codec._around(models.ready(model))
        return codec

    def checked(self, signal: Signal, quality: float | None) -> np.ndarray:
        """The samples. InputError for another modality, or a quality beyond [0, 100]; there is one rate."""
        if signal.modality != self.modality:
            raise InputError(f"{self.name} is for {self.modality} signals and this is {signal.modality}")
        if quality is not None and not 0 <= quality <= 100:
            raise InputError(f"quality is {quality}; allowed: 0 to 100")
        if signal.samples.size > MOST_SAMPLES:
            raise InputError(f"{signal.samples.size} samples; allowed: {MOST_SAMPLES}")
        return signal.samples

    def file(self, samples: np.ndarray, sections: list[Section]) -> TnfFile:
        params = PORTABLE if self.is_portable else NOT_PORTABLE
        fingerprint = self.fingerprint()
        shape, dtype = samples.shape, samples.dtype.name
        return TnfFile(self.modality, self.name, fingerprint, shape, dtype, params, tuple(sections))

    def checked_file(self, file: TnfFile, dtype: str, axes: int) -> tuple[int, ...]:
        """The shape. FormatError for what this codec does not write, LimitError for what is too large."""
        if file.modality != self.modality or file.dtype != dtype or len(file.shape) != axes or 0 in file.shape:
            raise FormatError(f"{self.name} writes no {file.modality} of {file.shape} {file.dtype}")
        if file.params not in (PORTABLE, NOT_PORTABLE):
            raise FormatError(f"{self.name} writes no parameters {file.params.hex()}")
        if math.prod(file.shape) > MOST_SAMPLES:
            raise LimitError(f"{file.shape} has more than {MOST_SAMPLES} samples")
        return file.shape

    def guarded(self, call: Callable[..., Any], *args: Any) -> Any:
        """The call, whose stumbling over a file that is not of this codec's making is a FormatError."""
        try:
            return call(*args)
        except TinifyError:
            raise
        except Exception as error:
            raise FormatError(f"{self.name} cannot decode this: {type(error).__name__}: {error}") from error

    def update(self, scale_table: Any = None, force: bool = False, **options: Any) -> bool:
        return models.update(self.model, scale_table=scale_table, force=force, **options)

    def aux_loss(self) -> Any:
        return self.model.aux_loss()

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        return self.model.state_dict(*args, **kwargs)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return models.load(self.model, state_dict, strict=strict)
