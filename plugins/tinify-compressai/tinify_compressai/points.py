# SPDX-License-Identifier: Apache-2.0
"""CompressAI's models of point clouds as codecs of files."""

from __future__ import annotations

import importlib.util
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
from tinify.errors import ConfigError, FormatError, InputError
from tinify.signal import Signal
from tinify_compressai.foreign import part
from tinify_compressai.whole import WholeCodec


class PointCodec(WholeCodec):
    """(N, 3) float32, N as the model was built for. Points come back in another order, as the networks place them."""

    modality: ClassVar[str] = "pointcloud"
    is_portable: ClassVar[bool] = True  # densities are tables; no network chooses among them

    @property
    def count(self) -> int:
        """How many points a cloud has."""
        raise NotImplementedError

    def forward(self, cloud: dict[str, Any]) -> Any:
        return self.model(cloud)

    @torch.no_grad()
    def pack(self, signal: Signal, *, quality: float | None = None) -> TnfFile:
        samples = self.checked(signal, quality)
        if samples.shape != (self.count, 3) or samples.dtype != np.float32 or not np.isfinite(samples).all():
            raise InputError(
                f"{self.name} takes ({self.count}, 3) finite float32, not {samples.shape} of {samples.dtype}"
            )
        self.eval().update()
        # Sampling begins at a random point: the same one each time.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            streams = self.encode(torch.from_numpy(np.ascontiguousarray(samples))[None])
        sections = [Section(PAYLOAD, pack_strings(streams))]
        if signal.metadata:
            sections.append(Section(METADATA, pack_metadata(signal.metadata)))
        return self.file(samples, sections)

    @torch.no_grad()
    def unpack(self, file: TnfFile) -> Signal:
        shape = self.checked_file(file, "float32", 2)
        if shape != (self.count, 3):
            raise FormatError(f"a cloud of {shape}; {self.name} as it is built has ({self.count}, 3)")
        streams = unpack_strings(file.require(PAYLOAD))
        if any(len(stream) != 1 for stream in streams):
            raise FormatError("the payload is a batch of clouds; a file holds one")
        self.eval().update()
        x_hat = self.guarded(self.decode, streams)
        metadata = file.find(METADATA)
        samples = np.ascontiguousarray(x_hat[0].numpy())
        return Signal(self.modality, samples, {} if metadata is None else unpack_metadata(metadata))

    def encode(self, points: Any) -> list[list[bytes]]:
        """The strings of (1, N, 3)."""
        raise NotImplementedError

    def decode(self, streams: list[list[bytes]]) -> Any:
        """(1, N, 3) from its strings."""
        raise NotImplementedError


class Sfu2023PccRecPointnet(PointCodec):
    """PointNet: one vector for a whole cloud. Its `compress` and `decompress` fail in CompressAI 1.2.8, which takes a
    vector for a picture and a record for a tensor; here they are put together of the same parts.

    Source: Ulhaq, Bajić 2023, "Learned Point Cloud Compression for Classification", arXiv:2308.05959.
    """

    architecture: ClassVar[str] = "sfu2023-pcc-rec-pointnet"

    def __init__(self, num_points: int = 1024) -> None:
        channels = {"g_a": [3, 64, 64, 64, 128, 1024], "g_s": [1024, 256, 512, num_points * 3]}
        super().__init__(num_points=num_points, num_channels=channels)

    @property
    def count(self) -> int:
        return [layer for layer in self.model.g_s if hasattr(layer, "out_channels")][-1].out_channels // 3

    def encode(self, points: Any) -> list[list[bytes]]:
        return [list(self.model.latent_codec.entropy_bottleneck.compress(self.model.g_a(points.transpose(-2, -1))))]

    def decode(self, streams: list[list[bytes]]) -> Any:
        (strings,) = streams
        return self.model.g_s(self.model.latent_codec.entropy_bottleneck.decompress(strings, (1,)))


class Sfu2024PccRecPointnet2Ssg(PointCodec):
    """PointNet++: a vector for the cloud, and one for each of its parts.

    Source: Ulhaq, Bajić 2024, "Scalable Human-Machine Point Cloud Compression", PCS.
    """

    architecture: ClassVar[str] = "sfu2024-pcc-rec-pointnet2-ssg"

    def __init__(self, num_points: int = 1024) -> None:
        _without_pointops()
        parts = num_points // 16
        super().__init__(num_points=num_points, P=(num_points, num_points // 4, parts, 1), S=(None, 4, 4, parts))

    @property
    def count(self) -> int:
        return self.model.P[0]

    def encode(self, points: Any) -> list[list[bytes]]:
        return [list(stream) for stream in self.model.compress({"pos": points})["strings"]]

    def decode(self, streams: list[list[bytes]]) -> Any:
        model = self.model
        shape = {f"y_{i}": (model.P[i], 1) if model.M[i] else () for i in range(model.levels)}
        return model.decompress(streams, shape)["x_hat"]


class Hrtzxf2022PccRec(WholeCodec):
    """Density preserving: to build, to train and to load on CUDA; it has no files.

    CompressAI's model of it is built on CUDA alone, needs `pointops`, draws random points and gives another number of
    them than there were, so nothing here could promise what comes back. ConfigError where there is no CUDA.
    Source: He, Ren, Tang, Zhang, Xue, Fu 2022, "Density-preserving Deep Point Cloud Compression", arXiv:2204.12684.
    """

    modality: ClassVar[str] = "pointcloud"
    architecture: ClassVar[str] = "hrtzxf2022-pcc-rec"

    def __init__(self, feat_dim: int = 8, hidden_dim: int = 64, k: int = 16) -> None:
        if not torch.cuda.is_available():
            raise ConfigError(f"compressai builds {self.architecture} on CUDA, which is not available here")
        super().__init__(feat_dim=feat_dim, hidden_dim=hidden_dim, k=k)

    def forward(self, cloud: dict[str, Any]) -> Any:
        return self.model(cloud)

    def pack(self, signal: Signal, *, quality: float | None = None) -> TnfFile:
        raise InputError(
            f"{self.name} has no files: its decoder draws random points; use a codec of sfu2023 or sfu2024"
        )

    def unpack(self, file: TnfFile) -> Signal:
        raise FormatError(f"{self.name} has no files")


def _without_pointops() -> None:
    """Where `pointops` is missing, CompressAI's own methods in plain torch take its place."""
    if importlib.util.find_spec("pointops") is None:
        layers = part("layers.pointcloud.pointnet2")
        layers.farthest_point_sample.__defaults__ = ("yanx27",)
        layers.query_ball_point.__defaults__ = ("yanx27",)
