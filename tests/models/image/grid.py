# SPDX-License-Identifier: Apache-2.0
"""The decode grid: pictures written under each of some settings are read under each of the others."""

import copy
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

import numpy as np
import torch

import tinify
from tinify.errors import TinifyError
from tinify.metrics.bits import estimated_bits
from tinify.models.image.base import ImageCodec
from tinify.models.image.jpeg_like import JpegLike


@contextmanager
def threads(count: int):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class Setting:
    """What may differ between the one who writes a file and the one who reads it."""

    name: str
    threads: int = 1
    layout: torch.memory_format = torch.contiguous_format
    dtype: torch.dtype = torch.float32
    batch: int = 1


SETTINGS = (
    Setting("1 thread, channels first"),
    Setting("2 threads", threads=2),
    Setting("channels last", layout=torch.channels_last),
    Setting("bfloat16", dtype=torch.bfloat16),
    Setting("batch of 4", batch=4),
)


@dataclass
class Tally:
    """Counts of a codec: files, readings of them, what failed; files whose bytes are not those of the first setting;
    bits as estimated and as written, of how many streams."""

    files: int = 0
    readings: int = 0
    failures: list[str] = field(default_factory=list)
    others: int = 0
    estimated: float = 0.0
    written: int = 0
    streams: int = 0

    @property
    def distance(self) -> float:
        """Between the bits that are written and the estimate."""
        return abs(self.written - self.estimated)

    def __iadd__(self, other: "Tally") -> "Tally":
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


class Side:
    """A codec under a setting; its latents are what the synthesis is given, or the integers of a codec without one."""

    def __init__(self, codec, setting: Setting):
        self.setting, self.codec = setting, copy.deepcopy(codec).eval()
        if isinstance(codec, ImageCodec):
            self.codec = tinify.optimize(self.codec.to(memory_format=setting.layout), setting.dtype)

    def write(self, x: torch.Tensor, level: float | None) -> tuple[list[list[bytes]], object]:
        """The strings of each picture of x, and the shape that they need."""
        files = []
        with threads(self.setting.threads):
            for part in x.contiguous(memory_format=self.setting.layout).split(self.setting.batch):
                out = self.codec.compress(part.contiguous(memory_format=self.setting.layout), level)
                files += [[stream[item] for stream in out.strings] for item in range(len(part))]
        return files, out.shape

    def read(self, files: list[list[bytes]], shape: object, level: float | None) -> list[bytes]:
        """The latents of each picture."""
        found, size = [], self.setting.batch
        with threads(self.setting.threads):
            for start in range(0, len(files), size):
                part = files[start : start + size]
                with latents_of(self.codec) as kept:
                    self.codec.decompress([list(stream) for stream in zip(*part, strict=True)], shape, level)
                found += kept
        return found


@contextmanager
def latents_of(codec):
    """Bytes of the latents that are decoded meanwhile, picture after picture."""
    kept, network = [], isinstance(codec, ImageCodec)
    owner = codec.planes if isinstance(codec, JpegLike) else codec
    name = "transform" if network else "decode"
    original = getattr(owner, name)

    def noted(*args, **kwargs):
        if network:
            kept.extend(y_hat.contiguous().numpy().tobytes() for y_hat in args[1])
            return original(*args, **kwargs)
        found = original(*args, **kwargs)
        kept.append(b"".join(np.ascontiguousarray(part).tobytes() for part in found))
        return found

    with mock.patch.object(owner, name, noted):
        yield kept


@torch.no_grad()
def run(codec, x: torch.Tensor, level: float | None = None, settings: tuple[Setting, ...] = SETTINGS) -> Tally:
    """Writes x (B, 3, H, W), of sides that the codec takes, under each setting, and reads all that under each."""
    tally, sides = Tally(), [Side(codec, setting) for setting in settings]
    first = None
    for writer in sides:
        files, shape = writer.write(x, level)
        first = files if first is None else first
        tally.files += len(files)
        tally.others += sum(file != other for file, other in zip(files, first, strict=True))
        expected = None
        for reader in sides:
            tally.readings += len(files)
            where = f"{writer.setting.name} -> {reader.setting.name}"
            try:
                latents = reader.read(files, shape, level)
            except TinifyError as error:
                tally.failures.append(f"{where}: {error}")
                continue
            expected = latents if expected is None else expected
            tally.failures += [f"{where}: picture {n}" for n in range(len(files)) if latents[n] != expected[n]]
    if isinstance(codec, ImageCodec):
        tally.streams = sum(map(len, first))
        tally.written = 8 * sum(len(string) for file in first for string in file)
        tally.estimated = sum(estimated_bits(sides[0].codec(part, level).likelihoods) for part in x.split(1))
    return tally
