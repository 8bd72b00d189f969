# SPDX-License-Identifier: Apache-2.0
"""What runs in CompressAI's environment: `make FOLDER` writes what it computes, `read FOLDER` takes what Tinify wrote.

Files are torch.save of tensors, numbers, lists and dicts only; byte strings travel as uint8 tensors.
"""

import sys
from pathlib import Path

import numpy as np
import torch

# torchvision, which compressai imports, asks for these operators; beside a CPU torch nobody has defined them.
library = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from compressai import ans  # noqa: E402
from compressai._CXX import pmf_to_quantized_cdf  # noqa: E402
from compressai.entropy_models import EntropyBottleneck, GaussianConditional  # noqa: E402
from compressai.layers import GDN, GDN1  # noqa: E402
from compressai.models import FactorizedPrior, MeanScaleHyperprior, ScaleHyperprior  # noqa: E402
from compressai.models.google import get_scale_table  # noqa: E402
from compressai_context import context_cases, variable_cases  # noqa: E402
from compressai_gains import gain_case, mixture_case, width_cases  # noqa: E402
from compressai_layers import block_cases, qrelu_cases, ramp_cases  # noqa: E402
from compressai_losses import loss_cases  # noqa: E402
from compressai_zoo import variable_zoo_cases, zoo_cases, zoo_tables  # noqa: E402

KINDS = {
    "bmshj2018-factorized": FactorizedPrior,
    "bmshj2018-hyperprior": ScaleHyperprior,
    "mbt2018-mean": MeanScaleHyperprior,
}
# (name, N, M): 16 channels and more take Tinify's fastest layers.
MODELS = [(kind, 8, 12) for kind in KINDS] + [("mbt2018-mean", 16, 32)]


def to_tensors(strings):
    return [[torch.frombuffer(bytearray(s), dtype=torch.uint8) for s in stream] for stream in strings]


def to_bytes(strings):
    return [[s.numpy().tobytes() for s in stream] for stream in strings]


def picture(batch=2, height=128, width=192):
    rows, columns = np.mgrid[:height, :width]
    random = np.random.default_rng(0)
    waves = np.stack([np.sin(rows / (5 + k) + columns / (9 - k)) for k in range(3 * batch)])
    texture = random.normal(size=waves.shape) * (columns > width / 2)
    x = (0.5 + 0.3 * waves + 0.1 * texture).clip(0, 1).astype(np.float32)
    return torch.from_numpy(x).reshape(batch, 3, height, width)


def rescale(layer, output, std, mean=0.0):
    shape = (1, -1, 1, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else (-1, 1, 1, 1)
    out = output()
    factor = std / out.std((0, 2, 3))
    layer.weight *= factor.reshape(shape)
    layer.bias.copy_((layer.bias - out.mean((0, 2, 3))) * factor + mean)
    return output()


def active(kind, N, M, x):
    """Random weights under which latents have many values, and tables too narrow for some of them (escapes)."""
    model = KINDS[kind](N, M).eval()
    y = rescale(model.g_a[-1], lambda: model.g_a(x), 4.0)
    if kind != "bmshj2018-factorized":
        z = rescale(model.h_a[-1], lambda: model.h_a(y.abs() if kind == "bmshj2018-hyperprior" else y), 6.0)
        h_s = model.h_s if kind == "mbt2018-mean" else model.h_s[:-1]
        rescale(h_s[-1], lambda: h_s(z), 1.0)
        h_s[-1].bias[3:M] += 4  # the scales of the first three channels stay too small for their values
    rescale(model.g_s[-1], lambda: model.g_s(y), 0.2, 0.5)
    bottleneck = model.entropy_bottleneck
    for bias, factor in zip(bottleneck.biases, bottleneck.factors, strict=False):
        bias.uniform_(-1, 1)
        factor.uniform_(-0.5, 0.5)
    bottleneck.update(force=True, update_quantiles=True)
    bottleneck.quantiles[::2, :, 0] = bottleneck.quantiles[::2, :, 1] - 2.5
    model.update(force=True)
    return model


def symbols_of(model, kind, x):
    """All values before they are rounded, and all scales."""
    y = model.g_a(x)
    medians = model.entropy_bottleneck._get_medians().reshape(1, -1, 1, 1)
    if kind == "bmshj2018-factorized":
        return [y - medians], []
    z = model.h_a(y.abs() if kind == "bmshj2018-hyperprior" else y)
    params = model.h_s(torch.round(z - medians) + medians)
    scales, means = (params, 0) if kind == "bmshj2018-hyperprior" else params.chunk(2, 1)
    return [z - medians, y - means], [scales]


def escapes(bottleneck, values, scales):
    """How many symbols lie outside their tables."""
    low = bottleneck.offset.reshape(1, -1, 1, 1)
    high = low + bottleneck.cdf_length.reshape(1, -1, 1, 1) - 3
    count = ((values[0].round() < low) | (values[0].round() > high)).sum()
    for y, scale in zip(values[1:], scales, strict=True):
        count += (y.round().abs() > 7 * scale.clamp(min=0.11) + 1).sum()
    return count.item()


def is_far_from_ties(values, scales, margin=1e-4):
    """Whether float rounding cannot decide a symbol or the choice of a table."""
    ties = min(((v - v.floor()) - 0.5).abs().min().item() for v in values)
    table = get_scale_table().log()
    edges = min(((s.clamp(min=1e-3).log()[..., None] - table).abs().min().item() for s in scales), default=1.0)
    return ties > margin and edges > margin / 10


def model_case(kind, N, M):
    x = picture()
    for seed in range(1000):
        torch.manual_seed(seed)
        model = active(kind, N, M, x)
        values, scales = symbols_of(model, kind, x)
        if is_far_from_ties(values, scales):
            break
    out, strings = model(x), model.compress(x)
    return {
        "kind": kind, "N": N, "M": M, "x": x, "state": model.state_dict(), "x_hat": out["x_hat"],
        "likelihoods": out["likelihoods"], "strings": to_tensors(strings["strings"]), "shape": list(strings["shape"]),
        "decompressed": model.decompress(**strings)["x_hat"], "aux_loss": model.aux_loss(),
        "escapes": escapes(model.entropy_bottleneck, values, scales),
    }  # fmt: skip


def layer_cases():
    cases = []
    for cls in (GDN, GDN1):
        for inverse in (False, True):
            layer, x = cls(6, inverse=inverse), torch.randn(2, 6, 7, 9)
            layer.gamma.add_(torch.rand(6, 6) * 0.1)
            cases.append({"name": cls.__name__, "inverse": inverse, "state": layer.state_dict(), "x": x, "y": layer(x)})
    return cases


def bottleneck_case():
    model = EntropyBottleneck(5).eval()
    for bias, factor in zip(model.biases, model.factors, strict=False):
        bias.uniform_(-2, 2)
        factor.uniform_(-1, 1)
    parameters = {k: v.clone() for k, v in model.state_dict().items() if not k.startswith("_")}
    model.update(update_quantiles=True)
    x = torch.randn(2, 5, 8, 9) * 8
    y_hat, likelihoods = model(x)
    strings = to_tensors([model.compress(x)])
    return {
        "parameters": parameters, "state": model.state_dict(), "x": x, "y_hat": y_hat, "likelihoods": likelihoods,
        "strings": strings, "loss": model.loss(), "y_hat_training": model.train()(x)[0] - x,
    }  # fmt: skip


def gaussian_cases():
    cases = []
    for table in (get_scale_table().tolist(), [0.2, 1.0, 1.0, 7.5]):
        model = GaussianConditional(table).eval()
        model.update()
        scales, means = torch.rand(2, 4, 9, 9) ** 4 * 300, torch.randn(2, 4, 9, 9)
        y = torch.randn(2, 4, 9, 9) * scales
        indexes = model.build_indexes(scales)
        y_hat, likelihoods = model(y, scales, means)
        cases.append({
            "table": table, "state": model.state_dict(), "y": y, "scales": scales, "means": means, "y_hat": y_hat,
            "likelihoods": likelihoods, "indexes": indexes, "strings": to_tensors([model.compress(y, indexes, means)]),
        })  # fmt: skip
    return cases


def coder_case():
    model = GaussianConditional(get_scale_table().tolist())
    model.update()
    tables = [t.tolist() for t in (model.quantized_cdf, model.cdf_length, model.offset)]
    random = np.random.default_rng(0)
    indexes = random.integers(64, size=5000)
    symbols = np.round(random.normal(size=5000) * np.array(get_scale_table())[indexes]).astype(np.int64)
    symbols[::97] = random.integers(-(2**20), 2**20, size=len(symbols[::97]))  # escapes of several nibbles
    parts = [slice(0, 0), slice(0, 1), slice(1, 3000), slice(3000, 5000)]
    buffered = ans.BufferedRansEncoder()
    for part in parts:
        buffered.encode_with_indexes(symbols[part].tolist(), indexes[part].tolist(), *tables)
    whole = ans.RansEncoder().encode_with_indexes(symbols.tolist(), indexes.tolist(), *tables)
    pmfs = [random.dirichlet(np.full(n, a)).astype(np.float32) for n in (1, 2, 3, 50, 900) for a in (0.01, 1.0)]
    return {
        "tables": tables, "symbols": torch.from_numpy(symbols), "indexes": torch.from_numpy(indexes),
        "strings": to_tensors([[whole, buffered.flush()]]), "pmfs": [torch.from_numpy(p) for p in pmfs],
        "cdfs": [[pmf_to_quantized_cdf(p.tolist(), precision) for p in pmfs] for precision in (16, 12)],
    }  # fmt: skip


@torch.no_grad()
def make(folder):
    torch.manual_seed(0)
    cases = {
        "models": [model_case(*m) for m in MODELS], "layers": layer_cases(), "bottleneck": bottleneck_case(),
        "gaussians": gaussian_cases(), "coder": coder_case(), "blocks": block_cases(), "qrelus": qrelu_cases(),
        "ramps": ramp_cases(), "zoo": zoo_cases(folder), "variable_zoo": variable_zoo_cases(folder),
        "losses": loss_cases(), "context": context_cases(), "variable": variable_cases(), "mixture": mixture_case(),
        "widths": width_cases(), "gain": gain_case(), **zoo_tables(),
    }  # fmt: skip
    torch.save(cases, folder / "compressai.pt")


@torch.no_grad()
def read(folder):
    theirs, results = torch.load(folder / "tinify.pt", weights_only=True), []
    for case in theirs["models"]:
        model = KINDS[case["kind"]].from_state_dict(case["state"]).eval()
        out = model.decompress(to_bytes(case["strings"]), case["shape"])
        results.append({"x_hat": model(case["x"])["x_hat"], "decompressed": out["x_hat"]})
    coder = theirs["coder"]
    stream, decoder = to_bytes([[coder["string"]]])[0][0], ans.RansDecoder()
    values = decoder.decode_with_indexes(stream, coder["indexes"].tolist(), *coder["tables"])
    torch.save({"models": results, "symbols": torch.tensor(values)}, folder / "answers.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"make": make, "read": read}[sys.argv[1]](Path(sys.argv[2]))
