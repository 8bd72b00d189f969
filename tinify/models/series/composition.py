# SPDX-License-Identifier: Apache-2.0
"""The parts of a tokenizer from what a config says of them: names, tables, or parts that are built already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from tinify import registry
from tinify.entropy_models.token_prior import TokenPrior
from tinify.errors import ConfigError
from tinify.quantizers import Quantizer, ResidualQuantizer

_STAGES, _MOST_STAGES = 8, 255  # a file has a byte for their number

Part = str | Mapping[str, Any] | nn.Module
"""A registered name, a table of its name and arguments, or the part itself (a table with a `kind` becomes one)."""


def build_transform(spec: Part, patch: int, width: int | None = None) -> tuple[nn.Module, nn.Module]:
    """Analysis and synthesis: of "mdct" or {name = "mdct", window = "kbd"}, the pair "mdct-analysis", "mdct-synthesis";
    or of {analysis = ..., synthesis = ...}. `width`, where given, is an argument of both sides of a named pair."""
    if isinstance(spec, Mapping) and set(spec) == {"analysis", "synthesis"}:
        sides = tuple(_side(spec[side], f"transform.{side}") for side in ("analysis", "synthesis"))
    else:
        name, arguments = _named(spec, "transform")
        arguments = {"patch": patch, **({} if width is None else {"width": width}), **arguments}
        sides = tuple(registry.build("transform", f"{name}-{side}", **arguments) for side in ("analysis", "synthesis"))
    for side in sides:
        if getattr(side, "patch", patch) != patch:
            raise ConfigError(f"transform: a patch of {side.patch} samples in a codec whose patch is {patch}")
    if sides[0].dim != sides[1].dim:
        raise ConfigError(f"transform: the analysis gives {sides[0].dim} numbers, the synthesis takes {sides[1].dim}")
    return sides


def build_quantizer(spec: Part, dim: int, stages: int | None, codebook_size: int) -> ResidualQuantizer:
    """`stages` stages of a named quantizer, or a residual quantizer as it is.

    A quantizer with levels of its own ("scalar-tokens") takes no number of stages. All stages have one size.
    """
    if isinstance(spec, nn.Module):
        quantizer = spec
    else:
        name, arguments = _named(spec, "quantizer")
        arguments = {"dim": dim, "codebook_size": codebook_size, **arguments}
        whole = _is_residual(name)
        if whole and stages is not None:
            raise ConfigError(f"stages is {stages}; quantizer {name!r} has its own number of them, so leave it out")
        count = 1 if whole else _STAGES if stages is None else stages
        built = [registry.build("quantizer", name, **arguments) for _ in range(count)]
        quantizer = built[0] if whole else ResidualQuantizer(built)
    quantizer = quantizer if isinstance(quantizer, ResidualQuantizer) else ResidualQuantizer([quantizer])
    _check_stages(quantizer, dim)
    return quantizer


def build_prior(spec: Part, quantizer: ResidualQuantizer) -> TokenPrior:
    """A prior for the tokens of a quantizer."""
    levels, size = len(quantizer.stages), quantizer.stages[0].codebook_size
    if isinstance(spec, nn.Module):
        prior = spec
    else:
        name, arguments = _named(spec, "prior")
        factory = registry.get("entropy-model", name)
        if isinstance(factory, type) and not issubclass(factory, TokenPrior):
            raise ConfigError(f"prior: {name!r} is no prior of tokens")
        prior = registry.build("entropy-model", name, **{"levels": levels, "codebook_size": size, **arguments})
    if not isinstance(prior, TokenPrior):
        raise ConfigError(f"prior: {type(prior).__name__} is no prior of tokens")
    if (prior.levels, prior.codebook_size) != (levels, size):
        raise ConfigError(
            f"prior: {prior.levels} levels of {prior.codebook_size} codes, for {levels} levels of {size} codes"
        )
    return prior


def _named(spec: Part, what: str) -> tuple[str, dict[str, Any]]:
    if isinstance(spec, str):
        return spec, {}
    if isinstance(spec, Mapping) and isinstance(spec.get("name"), str):
        return spec["name"], {key: value for key, value in spec.items() if key != "name"}
    raise ConfigError(f"{what} is {spec!r}; allowed: a name, or a table with a name and arguments")


def _side(spec: Part, what: str) -> nn.Module:
    if isinstance(spec, nn.Module):
        return spec
    name, arguments = _named(spec, what)
    return registry.build("transform", name, **arguments)


def _is_residual(name: str) -> bool:
    factory = registry.get("quantizer", name)
    return isinstance(factory, type) and issubclass(factory, ResidualQuantizer)


def _check_stages(quantizer: ResidualQuantizer, dim: int) -> None:
    for number, stage in enumerate(quantizer.stages):
        if not isinstance(stage, Quantizer) or not hasattr(stage, "codebook_size"):
            raise ConfigError(f"quantizer: stage {number}, {type(stage).__name__}, does not make tokens")
        if getattr(stage, "dim", dim) != dim:
            raise ConfigError(f"quantizer: stage {number} takes {stage.dim} numbers, the transform gives {dim}")
    if len(quantizer.stages) > _MOST_STAGES:
        raise ConfigError(f"quantizer: {len(quantizer.stages)} stages; allowed: at most {_MOST_STAGES}")
    sizes = [stage.codebook_size for stage in quantizer.stages]
    if len(set(sizes)) > 1:
        raise ConfigError(f"quantizer: the stages have {sizes} codes; in a tokenizer all have the same number")
