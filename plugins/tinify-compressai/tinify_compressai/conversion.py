# SPDX-License-Identifier: Apache-2.0
"""State dicts both ways: CompressAI's model to tinify's own codec of the same architecture, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinify import registry
from tinify.errors import ConfigError, UnknownComponentError
from tinify_compressai import models

# What tinify's exact codecs keep beside the weights, which are the same.
_EXACT = (".grid", "known_answer")


def to_tinify(model: Any) -> Any:
    """tinify's codec with the weights and tables of `model`. UnknownComponentError where tinify has none such."""
    model = getattr(model, "model", model)
    name = models.architecture_of(model)
    models.mask(model)
    return registry.get("codec", name).from_state_dict(model.state_dict()).eval()


def to_compressai(codec: Any) -> Any:
    """CompressAI's model with the weights and tables of `codec`.

    ConfigError for a codec with a gain, which CompressAI's models have not. Weights that were put on a grid, so that
    files decode everywhere, are the same numbers here, but CompressAI computes with them in single precision.
    """
    if hasattr(codec, "architecture"):
        return codec.model
    name = name_of(codec)
    state = {key: value for key, value in codec.state_dict().items() if not key.endswith(_EXACT)}
    unknown = [key for key in state if key.startswith("gain.")]
    if unknown:
        raise ConfigError(
            f"compressai's {name} has no {unknown[0]}: it is a codec of one rate, and this one has a gain"
        )
    model = models.build(name, **sizes_of(name, state))
    models.load(model, state)
    return model


def name_of(codec: Any) -> str:
    """The registered name of the class of tinify's own codec. UnknownComponentError."""
    for row in registry.components("codec"):
        if row.plugin == "tinify" and row.target.endswith(f":{type(codec).__name__}"):
            models.model_class(row.name)
            return row.name
    raise UnknownComponentError(f"{type(codec).__name__} is no codec of tinify that compressai has, too")


def sizes_of(architecture: str, state: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with which a model is built for a state dict."""
    first = "g_a.0.conv1.weight" if architecture.startswith("cheng2020") else "g_a.0.weight"
    sizes: dict[str, Any] = {"N": state[first].size(0)}
    if architecture.startswith("cheng2020"):
        return sizes
    if architecture.startswith("elic2022"):
        groups = _groups(state)
        return {**sizes, "M": sum(groups), "groups": groups}
    sizes["M"] = state["g_a.6.weight"].size(0)
    if any(key.startswith("gayn2zqstep.") for key in state):
        sizes["vr_entbttlnck"] = True
    return sizes


def _groups(state: Mapping[str, Any]) -> list[int]:
    key = "latent_codec.y.latent_codec.y{}.context_prediction.weight"
    count = sum(name.endswith(".context_prediction.weight") for name in state)
    return [state[key.format(k)].size(1) for k in range(count)]
