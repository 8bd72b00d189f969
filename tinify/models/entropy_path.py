# SPDX-License-Identifier: Apache-2.0
"""The networks that choose tables, made exact: files of a codec then decode on any machine."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tinify.errors import ConfigError, WeightsError
from tinify.latent_codecs.hyper import HyperLatentCodec
from tinify.layers.double import flat, in_double
from tinify.layers.exact import CONVOLUTIONS, check_grid, put_on_grid
from tinify.layers.grid import grid_of
from tinify.models.base import Codec

ANSWER = "known_answer"
_ELEMENTWISE = (nn.ReLU, nn.LeakyReLU, nn.PixelShuffle, nn.Identity)


@dataclass(frozen=True)
class EntropyPathReport:
    """Bits that sample pictures took before and after, and how many layers are exact now."""

    bits_before: int
    bits_after: int
    layers: int

    @property
    def loss(self) -> float:
        """Share of bits that exactness costs: 0.001 is a tenth of a per cent."""
        return self.bits_after / max(self.bits_before, 1) - 1


def entropy_networks(codec: Codec) -> dict[str, nn.Module]:
    """The networks that decide which tables code a latent, by name; none of a codec that has tables alone.

    Contexts are not among them: their sums have a fixed order (`layers.fixed_order`) as they are."""
    found: dict[str, nn.Module] = {}
    for name, module in _latent_codec(codec).named_modules():
        if isinstance(module, HyperLatentCodec):
            found[f"{name}.h_s"] = module.h_s
    return found


def is_exact(codec: Codec) -> bool:
    """Whether every network that chooses tables is exact, or there is none, so that files decode on any machine.

    A part of another library, whose networks nobody here knows, says so itself: `is_portable = False`.
    """
    parts = _latent_codec(codec).modules()
    if not all(getattr(part, "is_portable", True) for part in parts):
        return False
    networks = entropy_networks(codec).values()
    return all(grid_of(layer) is not None for network in networks for layer in _convolutions(network))


def can_be_exact(codec: Codec) -> bool:
    """Whether there are networks that choose tables, and `quantize_entropy_path` knows all their layers."""
    networks = entropy_networks(codec).values() if isinstance(getattr(codec, "latent_codec", None), nn.Module) else []
    layers = [layer for network in networks for layer in flat(network)]
    return bool(layers) and all(isinstance(layer, (*CONVOLUTIONS, *_ELEMENTWISE)) for layer in layers)


@torch.no_grad()
def quantize_entropy_path(codec: Codec, sample: Tensor | None = None) -> EntropyPathReport:
    """Puts the weights of the networks that choose tables on grids on which all sums are exact; in place.

    `sample` (B, 3, H, W) in [0, 1], some pictures like those to come; noise and waves where there is none: from what
    the networks see with it follows how large their numbers may become. Works for any codec with a hyperprior or a
    context, a person's own too, of convolutions, ReLU, LeakyReLU and PixelShuffle. ConfigError names another layer.
    Weights change by about 2^-16 of the largest; the report says what that costs in bits.
    """
    networks = entropy_networks(codec)
    for name, network in networks.items():
        for layer in flat(network):
            if not isinstance(layer, (*CONVOLUTIONS, *_ELEMENTWISE)):
                raise ConfigError(
                    f"{name} has a {type(layer).__name__}; exact networks are made of convolutions, ReLU, LeakyReLU "
                    "and PixelShuffle"
                )
    sample = _waves() if sample is None else sample
    codec.eval()
    layers = list(dict.fromkeys(layer for network in networks.values() for layer in _convolutions(network)))
    before = _bits(codec, sample)
    for layer, largest in _largest_inputs(codec, layers, sample).items():
        put_on_grid(layer, largest)
    codec.register_buffer(ANSWER, torch.tensor(known_answer(codec)))
    return EntropyPathReport(before, _bits(codec, sample), len(layers))


def check_entropy_path(codec: Codec) -> None:
    """WeightsError where an exact layer's weights were changed since, or this machine computes other numbers."""
    if getattr(codec, ANSWER, None) is None:
        return
    for name, network in entropy_networks(codec).items():
        for layer in _convolutions(network):
            if grid_of(layer) is not None:
                check_grid(layer, name)
    found, expected = known_answer(codec), int(codec.known_answer)
    if found != expected:
        raise WeightsError(
            f"the entropy path answers {found:#010x} here, and {expected:#010x} where it was made exact: files would "
            "not decode alike; report this machine and its versions"
        )


def fit_grids(codec: Codec, state_dict: Mapping[str, Tensor]) -> None:
    """Makes room for the grids of a state dict, and takes away those that it has not, before it is loaded."""
    for name, module in codec.named_modules():
        if f"{name}.grid" in state_dict:
            module.register_buffer("grid", torch.zeros(3, dtype=torch.int16))
        elif hasattr(module, "grid"):
            del module.grid
    if ANSWER in state_dict:
        codec.register_buffer(ANSWER, torch.zeros((), dtype=torch.int64))
    elif hasattr(codec, ANSWER):
        delattr(codec, ANSWER)


@torch.no_grad()
def known_answer(codec: Codec) -> int:
    """A check sum of what the exact networks make of a fixed input; the same on every machine."""
    check = 0
    for network in entropy_networks(codec).values():
        first = next(_convolutions(network))
        channels = first.in_channels
        x = (torch.arange(channels * 64, dtype=torch.double) * 37 % 61 - 30).div_(8).view(1, channels, 8, 8)
        check = zlib.crc32(in_double(network, x).numpy().tobytes(), check)
    return check


def _latent_codec(codec: Codec) -> nn.Module:
    latent = getattr(codec, "latent_codec", None)
    if not isinstance(latent, nn.Module):
        raise ConfigError(f"{type(codec).__name__} has no latent codec, so no networks that choose tables")
    return latent


def _convolutions(network: nn.Module) -> Iterator[nn.Module]:
    return (layer for layer in flat(network) if isinstance(layer, CONVOLUTIONS))


def _largest_inputs(codec: Codec, layers: list[nn.Module], sample: Tensor) -> dict[nn.Module, float]:
    """The largest size that each layer sees in `forward`, at the codec's lowest and highest rate."""
    seen = dict.fromkeys(layers, 0.0)

    def look(layer: nn.Module, inputs: tuple) -> None:
        seen[layer] = max(seen[layer], float(inputs[0].detach().abs().max()))

    hooks = [layer.register_forward_pre_hook(look) for layer in layers]
    try:
        with torch.enable_grad():  # so that the layers themselves run, not copies in float64
            for arguments in [(0.0,), (codec.level_count - 1.0,)] if getattr(codec, "has_levels", False) else [()]:
                codec(sample, *arguments)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _bits(codec: Codec, sample: Tensor) -> int:
    return 8 * sum(len(string) for stream in codec.compress(sample).strings for string in stream)


def _waves() -> Tensor:
    """Two pictures (2, 3, 256, 256) with slopes, edges and noise."""
    rows, columns = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    noise = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0)) - 0.5
    waves = torch.stack([torch.sin(rows / (5 + 3 * k)) * torch.cos(columns / (17 - 2 * k)) for k in range(6)])
    edges = 0.3 * ((rows // 32 + columns // 48) % 2)
    return (0.4 + 0.3 * waves.view(2, 3, 256, 256) + edges + 0.2 * noise * (rows > 128)).clamp(0, 1)
