# SPDX-License-Identifier: Apache-2.0
"""CompressAI's latent codecs and entropy models, as its own objects that keep tinify's contracts.

Latent codecs are of CompressAI's classes: they nest in its models and in each other, and their state dicts are its
own. What they return reads as a mapping and by attributes; tables are made when they are missing; streams are coded
with `rans64`, so that damaged bytes are an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from tinify_compressai.foreign import part
from tinify_compressai.streams import rans64_class, use_rans64


class Result(dict):
    """`out["y_hat"]` and `out.y_hat`."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def entropy_bottleneck(channels: int, tail_mass: float = 1e-9, init_scale: float = 10.0) -> Any:
    """One learned density a channel."""
    bottleneck = part("entropy_models").EntropyBottleneck
    return use_rans64(bottleneck(channels, tail_mass=tail_mass, init_scale=init_scale))


def entropy_bottleneck_vbr(channels: int, tail_mass: float = 1e-9, init_scale: float = 10.0) -> Any:
    """The same with bins of any width."""
    bottleneck = part("entropy_models").EntropyBottleneckVbr
    return use_rans64(bottleneck(channels, tail_mass=tail_mass, init_scale=init_scale))


def gaussian_conditional(scale_table: Sequence[float] | None = None, tail_mass: float = 1e-9) -> Any:
    """Gaussians of given scales; without a table, of CompressAI's 64 scales from 0.11 to 256."""
    table = part("models").get_scale_table().tolist() if scale_table is None else list(scale_table)
    return use_rans64(part("entropy_models").GaussianConditional(table, tail_mass=tail_mass))


def entropy_bottleneck_codec(channels: int | None = None, entropy_bottleneck: Any = None) -> Any:
    """y ──► integers under one density a channel. Give channels or an entropy bottleneck."""
    given = {"channels": channels} if entropy_bottleneck is None else {"entropy_bottleneck": entropy_bottleneck}
    return _built("EntropyBottleneckLatentCodec", **given)


def gaussian_conditional_codec(
    gaussian_conditional: Any = None,
    entropy_parameters: Any = None,
    quantizer: str = "noise",
    chunks: Sequence[str] = ("scales", "means"),
    scale_table: Sequence[float] | None = None,
) -> Any:
    """y, params ──► integers under the Gaussians that the params give."""
    return _built(
        "GaussianConditionalLatentCodec",
        scale_table=scale_table,
        gaussian_conditional=gaussian_conditional,
        entropy_parameters=entropy_parameters,
        quantizer=quantizer,
        chunks=tuple(chunks),
    )


def hyper(entropy_bottleneck: Any, h_a: Any, h_s: Any, quantizer: str = "noise") -> Any:
    """y ──► h_a ──► z ──► h_s ──► params."""
    return _built("HyperLatentCodec", entropy_bottleneck=entropy_bottleneck, h_a=h_a, h_s=h_s, quantizer=quantizer)


def hyperprior(latent_codec: Mapping[str, Any]) -> Any:
    """{"y": a codec under params, "hyper": one that gives params}."""
    return _built("HyperpriorLatentCodec", latent_codec=latent_codec)


def gain_hyper(entropy_bottleneck: Any, h_a: Any, h_s: Any) -> Any:
    """As `hyper`, z under gains that each call gives."""
    return _built("GainHyperLatentCodec", entropy_bottleneck=entropy_bottleneck, h_a=h_a, h_s=h_s)


def gain_hyperprior(latent_codec: Mapping[str, Any]) -> Any:
    """As `hyperprior`, y and z under gains that each call gives."""
    return _built("GainHyperpriorLatentCodec", latent_codec=latent_codec)


def checkerboard(
    latent_codec: Mapping[str, Any],
    context_prediction: Any,
    entropy_parameters: Any = None,
    anchor_parity: str = "even",
    forward_method: str = "twopass",
) -> Any:
    """y in two steps: the even places of a board, then the odd ones with what is around them."""
    return _built(
        "CheckerboardLatentCodec",
        latent_codec=latent_codec,
        context_prediction=context_prediction,
        entropy_parameters=entropy_parameters,
        anchor_parity=anchor_parity,
        forward_method=forward_method,
    )


def raster_scan(gaussian_conditional: Any, entropy_parameters: Any, context_prediction: Any) -> Any:
    """y place after place, in a loop of Python; tinify's own `raster-scan` is native."""
    return _built(
        "RasterScanLatentCodec",
        gaussian_conditional=gaussian_conditional,
        entropy_parameters=entropy_parameters,
        context_prediction=context_prediction,
    )


def channel_groups(latent_codec: Mapping[str, Any], channel_context: Mapping[str, Any], groups: Sequence[int]) -> Any:
    """y in groups of channels, each with what the earlier ones tell."""
    return _built(
        "ChannelGroupsLatentCodec", latent_codec=latent_codec, channel_context=channel_context, groups=list(groups)
    )


def _built(name: str, **arguments: Any) -> Any:
    return use_rans64(_adapted(name)(**arguments))


@cache
def _adapted(name: str) -> type:
    theirs = rans64_class(getattr(part("latent_codecs"), name))

    class Adapted(theirs):
        # Every other one chooses tables by what networks computed in floating point.
        is_portable = name == "EntropyBottleneckLatentCodec"

        def forward(self, *args: Any, **kwargs: Any) -> Result:
            return Result(super().forward(*args, **kwargs))

        def compress(self, *args: Any, **kwargs: Any) -> Result:
            _make_tables(self)
            return Result(super().compress(*args, **kwargs))

        def decompress(self, *args: Any, **kwargs: Any) -> Result:
            _make_tables(self)
            return Result(super().decompress(*args, **kwargs))

    Adapted.__name__ = Adapted.__qualname__ = name
    Adapted.__doc__ = theirs.__doc__
    return Adapted


def _make_tables(codec: Any) -> None:
    entropy_models = part("entropy_models")
    for module in codec.modules():
        if isinstance(module, entropy_models.GaussianConditional):
            module.update_scale_table(module.scale_table if module.scale_table.numel() else _scales())
        elif isinstance(module, entropy_models.EntropyBottleneck):
            module.update()


@lru_cache(maxsize=1)
def _scales() -> Any:
    return part("models").get_scale_table()
