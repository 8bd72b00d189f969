# SPDX-License-Identifier: Apache-2.0
"""What the networks of a codec cost: multiply-accumulates, activations, numbers and bytes."""

from __future__ import annotations

from typing import Any

import torch

from tinify.entropy_models.learned_prior import LearnedPrior
from tinify.metrics.complexity import cost, state_bytes
from tinify.models.base import Codec
from tinify.models.series.autoencoder import SeriesAutoencoder
from tinify.models.series.tokenizer import Tokenizer

_COST_WINDOW = 512  # samples of the series that costs are counted on
_COST_SIDE = 256  # of the picture


def costs_of(codec: Codec) -> dict[str, Any]:
    """parameters: of networks; numbers, weights_bytes: of all that is saved, tables and codebooks too; macs_per_sample:
    products of matrices and convolutions of one way there and back, by pixel or number, None where it cannot be
    counted. Fixed transforms, context models and entropy coders are no networks and count nothing.
    """
    found = {
        "parameters": sum(p.numel() for p in codec.parameters()),
        "numbers": sum(t.numel() for t in codec.state_dict().values()),
        "weights_bytes": state_bytes(codec),
    }
    return found | {"macs_per_sample": _macs(codec)}


def _macs(codec: Codec) -> float | None:
    parts = costs(codec)
    if parts is not None:
        return sum(parts[name] for name in ("encoder_macs", "prior_macs", "decoder_macs"))
    if codec.modality == "image":
        x, samples = torch.rand(1, 3, _COST_SIDE, _COST_SIDE), _COST_SIDE**2
    else:
        x, samples = torch.randn(1, 1, _COST_WINDOW), _COST_WINDOW
    was_training = codec.training
    try:
        with torch.enable_grad():  # native layers, which torch cannot count, step back where a gradient may be wanted
            return cost(lambda: codec.eval()(x), codec).macs / samples
    except Exception:  # a codec of a plugin that has no forward, or takes other tensors
        return None
    finally:
        codec.train(was_training)


@torch.no_grad()
def costs(codec: Codec) -> dict[str, float] | None:
    """Multiply-accumulates a value of encoder (with its search of codebooks), prior and decoder, and bytes of
    activations a value; None for codecs without networks."""
    x = torch.randn(1, _COST_WINDOW)
    if isinstance(codec, Tokenizer):
        return _tokenizer_costs(codec, x)
    if not isinstance(codec, SeriesAutoencoder):
        return None
    windows = x.reshape(-1, min(codec.window, _COST_WINDOW))
    y = codec.analysis(windows)
    there = cost(lambda: codec.analysis(windows), codec)
    back = cost(lambda: codec.synthesis(y, torch.ones(len(y))), codec)
    return _shares(there.macs, 0, back.macs, there.activation_bytes + back.activation_bytes)


def _tokenizer_costs(codec: Tokenizer, x: torch.Tensor) -> dict[str, float]:
    quantizer, prior = codec.latent_codec.quantizer, codec.latent_codec.prior
    y = codec.analysis(x)
    tokens = quantizer.quantize(y, codec.stages)
    there = cost(lambda: quantizer.quantize(codec.analysis(x), codec.stages), codec)
    back = cost(lambda: codec.synthesis(quantizer.dequantize(tokens)), codec)
    network = prior.network().eval() if isinstance(prior, LearnedPrior) else None
    middle = 0 if network is None else cost(lambda: network.logits(tokens), network).macs
    return _shares(there.macs, middle, back.macs, there.activation_bytes + back.activation_bytes)


def _shares(encoder: int, prior: int, decoder: int, activations: int) -> dict[str, float]:
    found = {"encoder_macs": encoder, "prior_macs": prior, "decoder_macs": decoder, "activation_bytes": activations}
    return {name: number / _COST_WINDOW for name, number in found.items()}
