# SPDX-License-Identifier: Apache-2.0
"""Networks of learned image codecs for other runtimes: ONNX and torch.export, of any picture size.

x ─► g_a ─► y ─► h_a ─► z        entropy coding is not in them: it stays with `tinify.ans`, or with
x_hat ◄─ g_s ◄─ y_hat            whoever runs them
        z_hat ─► h_s ─► params
"""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tinify import __version__
from tinify.entropy_models import EntropyBottleneck
from tinify.errors import ConfigError, MissingExtraError
from tinify.latent_codecs import HyperLatentCodec
from tinify.layers.gdn import GDN, GDN1
from tinify.layers.level_table import LevelTable
from tinify.models.image.base import ImageCodec

METADATA = "metadata.json"
TOLERANCE = 1e-4
"""How far the largest number that an exported network gives may be from tinify's, as a share of the largest."""
_EXTENSIONS = {"onnx": ".onnx", "torch": ".pt2"}
_TRACED = (2, 3)  # rows and columns, of the least input each
_CHECKED = {"onnx": ((3, 2), (1, 1)), "torch": ((3, 2),)}
_LEAST = {"onnx": 1, "torch": 2}  # a program of torch.export refuses sides of one, which it takes for another case


@dataclass(frozen=True)
class Network:
    """One network, which takes (batch, channels, height, width), height and width multiples of `multiple`, and perhaps
    the level (batch,)."""

    name: str
    module: nn.Module
    channels: int
    multiple: int
    has_level: bool

    def example(self, size: tuple[int, int], batch: int = 2) -> tuple[Tensor, ...]:
        """An input of so many rows and columns, as a share of 1."""
        shape = batch, self.channels, self.multiple * size[0], self.multiple * size[1]
        x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
        return (x, torch.linspace(0.25, 1.5, batch)) if self.has_level else (x,)

    @property
    def input_names(self) -> list[str]:
        return ["x", "level"] if self.has_level else ["x"]


def networks_of(codec: Any) -> list[Network]:
    """g_a, g_s and, where there is a hyperprior, h_a and h_s. ConfigError for a codec that has none of them."""
    if not isinstance(codec, ImageCodec):
        raise ConfigError(
            f"codec {getattr(codec, 'name', codec)!r} has no networks g_a and g_s to export; learned image "
            "codecs have, such as 'photo-hyperprior'"
        )
    given = [("g_a", codec.g_a, 3, codec.downsampling_factor)]
    with torch.no_grad():
        side = codec.downsampling_factor
        y = codec.g_a(torch.zeros(1, 3, side, side))
        given.append(("g_s", codec.g_s, y.shape[1], 1))
        hyper = next((part for part in codec.latent_codec.modules() if isinstance(part, HyperLatentCodec)), None)
        if hyper is not None:
            z = hyper.h_a(y)
            given += [("h_a", hyper.h_a, y.shape[1], y.shape[2]), ("h_s", hyper.h_s, z.shape[1], 1)]
    return [_network(*one) for one in given]


def export(codec: Any, folder: Path, kinds: tuple[str, ...] = ("onnx",), *, overwrite: bool = False) -> dict[str, Any]:
    """Writes every network as each of `kinds` ("onnx", "torch"), checks it at another size, and describes all in
    METADATA, which is written last and given back. ConfigError, MissingExtraError, OutputExistsError, and ConfigError
    where what was written gives other numbers."""
    from tinify import media

    networks, folder = networks_of(codec), Path(folder)
    _need(kinds)
    targets = {(n.name, kind): folder / f"{n.name}{_EXTENSIONS[kind]}" for n in networks for kind in kinds}
    for target in (*targets.values(), folder / METADATA):
        media.check_free(target, overwrite)
    folder.mkdir(parents=True, exist_ok=True)
    described = _described(codec)
    for network in networks:
        program = _program(network)
        entry = _entry(network)
        for kind in kinds:
            target = targets[network.name, kind]
            (_write_onnx if kind == "onnx" else _write_torch)(program, network, target)
            difference, least = _checked(network, kind, target), _LEAST[kind] * network.multiple
            entry["files"][kind] = {"file": target.name, "least_side": least, "largest_difference": difference}
        described["networks"][network.name] = entry
    text = json.dumps(described, indent=2) + "\n"
    media.write_whole(folder / METADATA, lambda file: file.write(text.encode()), overwrite=overwrite)
    return described


def _need(kinds: tuple[str, ...]) -> None:
    if not kinds or not set(kinds) <= set(_EXTENSIONS):
        raise ConfigError(f"kinds are {', '.join(kinds)}; allowed: {', '.join(_EXTENSIONS)}")
    if "onnx" in kinds:
        try:
            import onnx  # noqa: F401
            import onnxruntime  # noqa: F401
            import onnxscript  # noqa: F401
        except ImportError as error:
            raise MissingExtraError(f'ONNX needs {error.name}: pip install "tinify-codec[onnx]"') from error


def _network(name: str, module: nn.Module, channels: int, multiple: int) -> Network:
    module = copy.deepcopy(module).eval().requires_grad_(False)
    for parent in list(module.modules()):
        for key, child in list(parent.named_children()):
            if isinstance(child, GDN):
                setattr(parent, key, _PlainGDN(child))
    has_level = any(isinstance(part, LevelTable) for part in module.modules())
    return Network(name, module, channels, multiple, has_level)


class _PlainGDN(nn.Module):
    """A `GDN` or `GDN1` whose parameters are what they stand for."""

    def __init__(self, trained: GDN):
        super().__init__()
        self.inverse, self.squares = trained.inverse, not isinstance(trained, GDN1)
        self.register_buffer("gamma", trained.gamma_reparam(trained.gamma).detach().clone()[:, :, None, None])
        self.register_buffer("beta", trained.beta_reparam(trained.beta).detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        norm = nn.functional.conv2d(x * x if self.squares else torch.abs(x), self.gamma, self.beta)
        norm = torch.sqrt(norm) if self.squares else norm
        return x * norm if self.inverse else x / norm


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters warn of packages that are not needed here, and of themselves."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _program(network: Network) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch", min=1, max=1 << 16)
    sizes = [torch.export.Dim(name, min=_LEAST["torch"], max=1 << 15) for name in ("rows", "columns")]
    sizes = [network.multiple * size if network.multiple > 1 else size for size in sizes]
    shapes: tuple = ({0: batch, 2: sizes[0], 3: sizes[1]},)
    if network.has_level:
        shapes = (*shapes, {0: batch})
    with torch.enable_grad():  # layers then take their plain way: native ones cannot be exported
        return torch.export.export(network.module, network.example(_TRACED), dynamic_shapes=shapes, strict=False)


def _write_torch(program: torch.export.ExportedProgram, network: Network, target: Path) -> None:
    with _quiet():
        torch.export.save(program, target)


def _write_onnx(program: torch.export.ExportedProgram, network: Network, target: Path) -> None:
    with _quiet():
        made = torch.onnx.export(
            program, (), dynamo=True, input_names=network.input_names, output_names=["out"], verbose=False
        )
        made.save(target, external_data=False)


def _checked(network: Network, kind: str, target: Path) -> float:
    """The largest difference at other sizes and another batch, as a share of the largest number. ConfigError beyond
    TOLERANCE."""
    run, worst = (_onnx_runner if kind == "onnx" else _torch_runner)(network, target), 0.0
    for size in _CHECKED[kind]:
        example = network.example(size, batch=1)
        with torch.no_grad():
            expected, found = network.module(*example), run(*example)
        if found.shape != expected.shape:
            raise ConfigError(f"{target}: gives {tuple(found.shape)}, not {tuple(expected.shape)}")
        worst = max(worst, float((found - expected).abs().max() / expected.abs().max().clamp(min=1)))
        if not worst <= TOLERANCE:
            raise ConfigError(f"{target}: gives numbers that are {worst:.2g} off; allowed: {TOLERANCE}")
    return worst


def _onnx_runner(network: Network, target: Path) -> Callable[..., Tensor]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])

    def run(*inputs: Tensor) -> Tensor:
        given = {name: x.numpy() for name, x in zip(network.input_names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def _torch_runner(network: Network, target: Path) -> Callable[..., Tensor]:
    return torch.export.load(target).module()


def _entry(network: Network) -> dict[str, Any]:
    with torch.no_grad():
        x = network.example((1, 1), batch=1)
        out = network.module(*x)
    rows = out.shape[2] / x[0].shape[2]
    inputs = [{"name": "x", "dtype": "float32", "shape": ["batch", network.channels, "height", "width"]}]
    if network.has_level:
        inputs.append({"name": "level", "dtype": "float32", "shape": ["batch"]})
    return {
        "inputs": inputs,
        "multiple": network.multiple,  # of height and width
        "output": {"dtype": "float32", "channels": out.shape[1], "scale": rows},
        "files": {},
    }


def _described(codec: ImageCodec) -> dict[str, Any]:
    described = {
        "tinify": __version__,
        "codec": codec.name,
        "architecture": type(codec).__name__,
        "fingerprint": codec.fingerprint().hex(),
        "picture": {
            "channels": ["R", "G", "B"],
            "range": [0.0, 1.0],
            "padding": f"the last row and column repeated below and to the right, up to multiples of "
            f"{codec.downsampling_factor}; cut off again from what g_s gives, which is then clamped to the range",
            "multiple": codec.downsampling_factor,
        },
        "tolerance": TOLERANCE,
        "networks": {},
    }
    bottleneck = next((part for part in codec.latent_codec.modules() if isinstance(part, EntropyBottleneck)), None)
    if bottleneck is not None:
        with torch.no_grad():
            medians = bottleneck.medians_like((1, bottleneck.channels, 1, 1)).flatten().tolist()
        latent = "z" if any(isinstance(part, HyperLatentCodec) for part in codec.latent_codec.modules()) else "y"
        use = f"{latent}_hat = round({latent} - medians) + medians, a median for each channel"
        described["medians"] = {"latent": latent, "use": use, "medians": medians}
    if codec.has_levels:
        described["level"] = {
            "from": 0,
            "to": codec.level_count - 1,
            "of_quality": f"round(quality / 100 * {codec.level_count - 1} * 256) / 256, quality 0 to 100",
        }
    if codec.gain is not None:
        described["gain"] = {
            "use": "y * exp(log_gain) before h_a and rounding, y_hat * exp(log_inverse) before g_s; a row for each "
            "level, between two levels a straight line between their rows",
            "log_gain": codec.gain.log_gain.detach().tolist(),
            "log_inverse": codec.gain.log_inverse.detach().tolist(),
        }
    return described
