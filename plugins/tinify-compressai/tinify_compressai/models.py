# SPDX-License-Identifier: Apache-2.0
"""CompressAI's models by their names: built, made ready, their tables and state dicts."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any

from tinify.errors import ConfigError, UnknownComponentError, WeightsError
from tinify_compressai.foreign import part
from tinify_compressai.streams import use_rans64

_TABLES = ("_quantized_cdf", "_offset", "_cdf_length", "scale_table")


def model_class(architecture: str) -> type:
    """The class that CompressAI registers under this name."""
    part("models.video")  # which its models do not import
    models = part("registry").MODELS
    if architecture not in models:
        raise UnknownComponentError(f"compressai has no model {architecture!r}; it has {', '.join(sorted(models))}")
    return models[architecture]


def architecture_of(model: Any) -> str:
    """The name of a model's class. UnknownComponentError for a class of one's own."""
    part("models.video")
    for name, kind in part("registry").MODELS.items():
        if type(model) is kind:
            return name
    raise UnknownComponentError(f"{type(model).__name__} is no model that compressai registers")


def build(architecture: str, **arguments: Any) -> Any:
    """A model with random weights, in evaluation mode. ConfigError for arguments that it does not take."""
    kind = model_class(architecture)
    try:
        return ready(kind(**arguments))
    except (TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"compressai's {architecture} with {arguments}: {type(error).__name__}: {error}") from error


def ready(model: Any) -> Any:
    """The model for files: safe streams, and weights that its context models cannot see are zero."""
    mask(model)
    return use_rans64(model).eval()


def update(model: Any, **options: Any) -> bool:
    """CompressAI's `update` of a model, with those of the options that it has."""
    use_rans64(model)  # a copy of a model has CompressAI's own coder again
    return model.update(**{name: options[name] for name in signature(model.update).parameters if name in options})


def mask(model: Any) -> None:
    """CompressAI's encoder masks the weights of a context model and its decoder does not, before the first forward."""
    for module in model.modules():
        if getattr(module, "mask", None) is not None and hasattr(module, "weight"):
            module.weight.data.mul_(module.mask)


def load(model: Any, state_dict: Mapping[str, Any], *, strict: bool = True) -> Any:
    """Loads weights and tables of any size, under today's names or those of the first checkpoints. WeightsError."""
    import torch

    state = dict(part("zoo").load_state_dict(dict(state_dict)))
    for name, module in model.named_modules():
        for table in _TABLES:
            key = f"{name}.{table}" if name else table
            if key in state and isinstance(module._buffers.get(table), torch.Tensor):
                module._buffers[table] = torch.empty_like(state[key])
    try:
        result = model.load_state_dict(state, strict=strict)
    except (RuntimeError, KeyError) as error:
        raise WeightsError(f"the weights do not fit compressai's {type(model).__name__}: {error}") from error
    mask(model)
    return result
