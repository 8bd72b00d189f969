# SPDX-License-Identifier: Apache-2.0
"""CompressAI's layers on random input: what `compressai_side.py make` writes of them."""

import torch
from compressai import layers
from compressai.models.sensetime import ResidualBottleneckBlock

MASKED = {"kernel_size": 5, "padding": 2}
# (name, positional arguments, keyword arguments, shape of the input)
LAYERS = [
    *[(name, (4, 6), {"mask_type": mask, **MASKED}, (2, 4, 7, 9))
      for name in ("MaskedConv2d", "CheckerboardMaskedConv2d") for mask in "AB"],
    ("MaskedConv2d", (4, 6, 3), {"padding": 1, "stride": 2, "groups": 2, "bias": False}, (1, 4, 6, 5)),
    ("CheckerboardMaskedConv2d", (4, 6), {"kernel_size": (3, 7), "padding": (1, 3)}, (1, 4, 6, 5)),
    *[(name, (4, 6), arguments, (2, 4, 7, 9)) for name in ("SpectralConv2d", "SpectralConvTranspose2d")
      for arguments in ({"kernel_size": 5, "stride": 2, "padding": 2}, {"kernel_size": (3, 4), "bias": False})],
    *[(name, channels, {}, (2, channels[0], 6, 10)) for channels in ((8, 8), (8, 12), (12, 8))
      for name in ("ResidualBlock", "ResidualBlockWithStride", "ResidualBlockUpsample", "ResidualBottleneckBlock")],
    ("ResidualBlockWithStride", (8, 8), {"stride": 1}, (1, 8, 6, 6)),
    ("ResidualBlockUpsample", (8, 8), {"upsample": 3}, (1, 8, 5, 6)),
    ("AttentionBlock", (8,), {}, (2, 8, 6, 10)),
    ("conv1x1", (3, 5), {"stride": 2}, (1, 3, 6, 7)),
    ("conv3x3", (3, 5), {"stride": 2}, (1, 3, 6, 7)),
    ("subpel_conv3x3", (3, 5), {"r": 2}, (1, 3, 6, 7)),
]  # fmt: skip
RAMPS = [
    {"in_ch": i, "out_ch": o, "min_ch": low, "num_layers": n, "interp": interp}
    for i, o in ((640, 640), (480, 384), (32, 640), (160, 32), (1792, 256), (7, 3))
    for low in (0, 48) for n in (1, 2, 3, 4) for interp in ("linear", "log")
]  # fmt: skip


def _make(name):
    return ResidualBottleneckBlock if name == "ResidualBottleneckBlock" else getattr(layers, name)


@torch.enable_grad()
def block_cases():
    cases = []
    for name, args, kwargs, shape in LAYERS:
        layer = _make(name)(*args, **kwargs)
        x = torch.randn(shape, requires_grad=True)
        y = layer(x)
        towards = torch.randn_like(y)
        y.backward(towards)
        cases.append({
            "name": name, "args": list(args), "kwargs": kwargs, "state": layer.state_dict(), "x": x.detach(),
            "y": y.detach(), "towards": towards, "grad": x.grad,
            "grads": {key: p.grad for key, p in layer.named_parameters()},
        })  # fmt: skip
    return cases


@torch.enable_grad()
def qrelu_cases():
    cases = []
    for bits, beta in ((8, 100), (4, 10)):
        top = 2**bits - 1
        x = torch.cat([torch.linspace(-0.2 * top, 1.2 * top, 400), torch.tensor([-0.0, 0, top, -1e9, 1e9])])
        x.requires_grad_()
        y = layers.QReLU.apply(x, bits, beta)
        towards = torch.randn_like(y)
        y.backward(towards)
        cases.append({"bits": bits, "beta": beta, "x": x.detach(), "y": y.detach(), "towards": towards, "grad": x.grad})
    return cases


def ramp_cases():
    make = {"make_layer": layers.conv1x1, "make_act": torch.nn.ReLU}
    return [
        {"ramp": ramp, "skip": skip, "shapes": [[type(m).__name__, list(getattr(m, "weight", torch.empty(0)).shape)]
         for m in layers.sequential_channel_ramp(**ramp, **make, skip_last_act=skip)]}
        for ramp in RAMPS for skip in (True, False)
    ]  # fmt: skip
