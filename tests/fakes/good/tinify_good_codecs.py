# SPDX-License-Identifier: Apache-2.0
"""Codecs of NumPy and zlib: whole in a few lines, with a rate, for tests that need no trained weights."""

import hashlib
import zlib

import numpy as np

from tinify.container import METADATA, PAYLOAD, Section, TnfFile, pack_metadata, unpack_metadata
from tinify.errors import FormatError, InputError
from tinify.signal import Signal


class DeflateCodec:
    """Uniform quantization with a step that halves every 12.5 of quality, then zlib."""

    modality = ""
    default_quality = 50.0
    coarsest = 1.0

    def __init__(self, version: int = 1):
        self.version = version
        self.name = ""

    def fingerprint(self) -> bytes:
        return hashlib.sha256(f"{type(self).__name__}{self.version}".encode()).digest()[:4]

    def pack(self, signal: Signal, *, quality: float | None = None) -> TnfFile:
        quality = self.default_quality if quality is None else quality
        if signal.samples.dtype.kind not in "iuf":
            raise InputError(f"samples of {signal.samples.dtype}")
        step = np.float32(self.coarsest / 2 ** (quality / 12.5))
        symbols = np.rint(signal.samples / float(step)).astype(np.int32)
        sections = [Section(PAYLOAD, zlib.compress(symbols.tobytes(), 6))]
        if signal.metadata:
            sections.append(Section(METADATA, pack_metadata(signal.metadata)))
        return TnfFile(self.modality, self.name, self.fingerprint(), signal.samples.shape, signal.samples.dtype.name,
                       step.tobytes(), tuple(sections))  # fmt: skip

    def unpack(self, file: TnfFile) -> Signal:
        step = float(np.frombuffer(file.params, np.float32)[0])
        try:
            symbols = np.frombuffer(zlib.decompress(file.require(PAYLOAD)), np.int32).reshape(file.shape)
        except zlib.error as error:
            raise FormatError(f"damaged: {error}") from error
        dtype = np.dtype(file.dtype)
        values = symbols * step
        if dtype.kind in "iu":
            values = np.clip(np.rint(values), np.iinfo(dtype).min, np.iinfo(dtype).max)
        metadata = file.find(METADATA)
        return Signal(self.modality, values.astype(dtype), {} if metadata is None else unpack_metadata(metadata))


class PictureCodec(DeflateCodec):
    """(H, W, C) uint8."""

    modality = "image"
    coarsest = 256.0


class NumbersCodec(DeflateCodec):
    """(T, C) of any number type."""

    modality = "series"
    coarsest = 4.0
