# SPDX-License-Identifier: Apache-2.0
"""CompressAI's mixtures, bins of any width and gains as inputs: what `compressai_side.py make` writes of them."""

import torch
from compressai.entropy_models import EntropyBottleneck, EntropyBottleneckVbr, GaussianMixtureConditional
from compressai.latent_codecs import (
    GainHyperLatentCodec,
    GainHyperpriorLatentCodec,
    GaussianConditionalLatentCodec,
)
from compressai.models.google import get_scale_table
from compressai_strings import to_tensors


def mixture_case():
    torch.manual_seed(1)
    scales, means = torch.rand(2, 18, 7, 8) * 4, torch.randn(2, 18, 7, 8) * 5
    weights = torch.randn(2, 3, 6, 7, 8).softmax(1).flatten(1, 2)
    y = torch.randn(2, 6, 7, 8) * 6
    y_hat, likelihoods = GaussianMixtureConditional(3).eval()(y, scales, means, weights)
    return {
        "y": y, "scales": scales, "means": means, "weights": weights, "y_hat": y_hat, "likelihoods": likelihoods
    }  # fmt: skip


def width_cases():
    torch.manual_seed(2)
    model = EntropyBottleneckVbr(5).eval()
    for number in range(4):
        getattr(model, f"_bias{number}").uniform_(-2, 2)
        getattr(model, f"_factor{number}").uniform_(-1, 1)
    model.quantiles[:, 0] = torch.tensor([-30.0, 0.3, 33.0])
    state, x, cases = {key: value.clone() for key, value in model.state_dict().items()}, torch.randn(2, 5, 8, 9) * 8, []
    for width in (0.5, 1.7, 4.0):
        qs = torch.tensor(width)
        model.update_variable(force=True, qs=qs)
        strings = model.compress(x, qs=qs)
        x_hat = model.decompress(strings, x.shape[2:], qs=qs)
        cases.append({"state": state, "width": width, "x": x, "x_hat": x_hat, "strings": to_tensors([strings])})
    return cases


def gain_case():
    torch.manual_seed(3)
    bottleneck = EntropyBottleneck(6).eval()
    bottleneck.update(update_quantiles=True)
    h_a, h_s = torch.nn.Conv2d(6, 6, 4, stride=4), torch.nn.ConvTranspose2d(6, 12, 4, stride=4)
    h_a.weight *= 6
    h_s.bias[:6] += 4
    y_codec = GaussianConditionalLatentCodec(scale_table=get_scale_table().tolist())
    y_codec.gaussian_conditional.update()
    hyper = GainHyperLatentCodec(entropy_bottleneck=bottleneck, h_a=h_a, h_s=h_s)
    codec = GainHyperpriorLatentCodec({"y": y_codec, "hyper": hyper}).eval()
    y, spread = torch.randn(2, 6, 12, 20) * 5, torch.linspace(0.7, 1.3, 6)[None, :, None, None]
    gains = [1.7 * spread, 2.3 * spread, 0.6 / spread, 0.45 / spread]
    out, strings = codec(y, *gains), codec.compress(y, *gains)
    state = {key: value for key, value in codec.state_dict().items() if not key.startswith("latent_codec.")}
    return {
        "state": state, "y": y, "gains": gains, "y_hat": out["y_hat"], "likelihoods": dict(out["likelihoods"]),
        "strings": to_tensors(strings["strings"]),
    }  # fmt: skip
