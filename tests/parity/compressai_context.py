# SPDX-License-Identifier: Apache-2.0
"""CompressAI's codecs with a context, and those of variable rate: what `compressai_side.py make` writes of them."""

import torch
from compressai import models
from compressai.models import vbr
from compressai_strings import to_tensors

GROUPS = [4, 4, 8, 8, 16]
CONTEXT = [
    ("mbt2018", models.JointAutoregressiveHierarchicalPriors, (16, 24)),
    ("cheng2020-anchor", models.Cheng2020Anchor, (16,)),
    ("cheng2020-attn", models.Cheng2020Attention, (16,)),
    ("cheng2020-anchor-checkerboard", models.Cheng2020AnchorCheckerboard, (16,)),
    ("elic2022-official", models.Elic2022Official, (16, 40, GROUPS)),
    ("elic2022-chandelier", models.Elic2022Chandelier, (16, 40, GROUPS)),
]
# (name, class, whether z has a bin width of its own)
VARIABLE = [
    ("bmshj2018-hyperprior-vbr", vbr.ScaleHyperpriorVbr, True),
    ("bmshj2018-hyperprior-vbr", vbr.ScaleHyperpriorVbr, False),
    ("mbt2018-mean-vbr", vbr.MeanScaleHyperpriorVbr, True),
    ("mbt2018-mean-vbr", vbr.MeanScaleHyperpriorVbr, False),
    ("mbt2018-vbr", vbr.JointAutoregressiveHierarchicalPriorsVbr, None),
]
# (their s, their inputscale)
RATES = [(0, 0), (4, 0), (7, 0), (0, 0.31)]


def _picture():
    coarse = torch.rand(1, 3, 8, 8)
    x = torch.nn.functional.interpolate(coarse, size=(128, 192), mode="bicubic")
    return (x + 0.05 * torch.randn_like(x)).clamp(0, 1)


def _rescaled(layer, output, std):
    """Attention after the layer is not linear, hence more than once."""
    for _ in range(3):
        layer.weight *= std / output().std()
    return output()


def context_cases():
    cases = []
    for name, kind, args in CONTEXT:
        torch.manual_seed(0)
        x, model = _picture(), kind(*args).eval()
        last = model.g_a[-1] if isinstance(model.g_a[-1], torch.nn.Conv2d) else model.g_a[-2]
        _rescaled(last, lambda model=model, x=x: model.g_a(x), 4)
        model.update(force=True)
        out, strings = model(x), model.compress(x)
        cases.append({
            "name": name, "x": x, "state": model.state_dict(), "x_hat": out["x_hat"],
            "likelihoods": dict(out["likelihoods"]), "strings": to_tensors(strings["strings"]),
            "decompressed": model.decompress(strings["strings"], strings["shape"])["x_hat"],
        })  # fmt: skip
    return cases


def variable_cases():
    cases = []
    for name, kind, of_variable_z in VARIABLE:
        torch.manual_seed(0)
        x = _picture()
        model = kind(16, 24) if of_variable_z is None else kind(16, 24, vr_entbttlnck=of_variable_z)
        _activate(model.eval(), x)
        for s, inputscale in RATES:
            cases.append(_variable_case(name, model, x, s, inputscale))
    return cases


def _activate(model, x):
    zero_mean = type(model) is vbr.ScaleHyperpriorVbr
    y = _rescaled(model.g_a[-1], lambda: model.g_a(x), 16)
    _rescaled(model.h_a[-1], lambda: model.h_a(y.abs() if zero_mean else y), 8)
    with_scales = model.entropy_parameters if hasattr(model, "entropy_parameters") else model.h_s
    with_scales[-2 if zero_mean else -1].bias[: y.shape[1]] += 10
    _rescaled(model.g_s[-1], lambda: model.g_s(y), 0.2)
    model.QuantABCD[-1].bias += 0.1
    if model.vr_entbttlnck:  # some widths above the bound
        model.gayn2zqstep[-2].bias += 0.5
        model.gayn2zqstep[-2].weight *= 3


def _variable_case(name, model, x, s, inputscale):
    gain = torch.tensor(inputscale) if inputscale else model.Gain[s]
    rate = {"stage": 2, "s": s, "inputscale": gain if inputscale else 0}
    model.update(force=True, scale=gain)
    out, strings = model(x, **rate), model.compress(x, **rate)
    likelihoods, width = dict(out["likelihoods"]), torch.tensor(1.0)
    if model.vr_entbttlnck:  # their forward takes the mass of bins of width 1
        width = model.lower_bound_zqstep(model.gayn2zqstep(1 / gain.view(1)))[0]
        likelihoods["z"] = _likelihoods_of_z(model, x, width)
    return {
        "name": name, "x": x, "s": s, "inputscale": inputscale, "width": width.detach().clone(),
        "state": {key: value.clone() for key, value in model.state_dict().items()},
        "x_hat": out["x_hat"], "plain": model(x, stage=1)["x_hat"], "likelihoods": likelihoods,
        "strings": to_tensors(strings["strings"]),
        "decompressed": model.decompress(strings["strings"], strings["shape"], **rate)["x_hat"],
    }  # fmt: skip


def _likelihoods_of_z(model, x, width):
    y = model.g_a(x)
    z_hat, _ = model.entropy_bottleneck(model.h_a(y.abs() if type(model) is vbr.ScaleHyperpriorVbr else y), qs=width)
    mass = model.entropy_bottleneck._likelihood_variable(z_hat.transpose(0, 1).flatten(1)[:, None], qs=width)[0]
    mass = model.entropy_bottleneck.likelihood_lower_bound(mass)
    return mass.reshape(z_hat.transpose(0, 1).shape).transpose(0, 1)
