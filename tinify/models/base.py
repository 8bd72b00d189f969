# SPDX-License-Identifier: Apache-2.0
"""The contract of a codec: tensors to strings for research, signals to files for use."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor, nn

from tinify.container import TnfFile
from tinify.entropy_models import EntropyBottleneck, EntropyModel, GaussianConditional
from tinify.signal import Signal


class Codec(nn.Module, ABC):
    """A whole codec: transform, latent codec, and how a signal is padded and put back.

    Tensor level, with CompressAI's names: `forward(x)`, `compress(x)`, `decompress(strings, shape)`.
    File level: `pack(signal, quality=...)` and `unpack(file)`; quality is in [0, 100], larger is better.
    """

    modality: ClassVar[str]
    default_quality: ClassVar[float] = 50.0
    name: str = ""
    """The registered or zoo name, which a file records; set by whoever builds the codec."""
    requires: tuple[str, ...] = ()
    """Distributions of plugins, "name version", that brought the codec or a part of it: files name them, too."""

    @abstractmethod
    def pack(self, signal: Signal, *, quality: float | None = None) -> TnfFile:
        """Compresses a signal. Raises InputError if the codec cannot take it."""

    @abstractmethod
    def unpack(self, file: TnfFile) -> Signal:
        """Restores a signal. Raises FormatError or DesyncError when the file is not what this codec wrote."""

    def update(self, scale_table=None, force: bool = False, update_quantiles: bool = False) -> bool:
        """Builds integer tables that are not there yet. Nobody has to call it; kept for CompressAI's callers."""
        updated = False
        for module in self.modules():
            if isinstance(module, EntropyBottleneck):
                updated |= module.update(force=force, update_quantiles=update_quantiles)
            elif isinstance(module, GaussianConditional) and scale_table is not None:
                updated |= module.update_scale_table(scale_table, force=force)
            elif isinstance(module, EntropyModel):
                updated |= module.update(force=force)
        return updated

    def aux_loss(self) -> Tensor:
        """Sum of the losses that place the quantiles of the entropy bottlenecks."""
        losses = [module.loss() for module in self.modules() if isinstance(module, EntropyBottleneck)]
        return torch.stack(losses).sum() if losses else torch.zeros(())

    def fingerprint(self) -> bytes:
        """First 4 bytes of a SHA-256 over all weights and integer tables, by name; what a file is tied to."""
        self.update()
        digest = hashlib.sha256()
        for key, tensor in sorted(self.state_dict().items()):
            digest.update(f"{key}:{tensor.dtype}:{tuple(tensor.shape)};".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
        return digest.digest()[:4]
