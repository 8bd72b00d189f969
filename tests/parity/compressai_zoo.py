# SPDX-License-Identifier: Apache-2.0
"""Checkpoints as CompressAI publishes them, small, each with what its own zoo makes of it."""

import re

import torch
from compressai.models import vbr
from compressai.zoo import image, image_vbr, load_state_dict

SIZES = {"cheng2020-anchor": (8,), "cheng2020-attn": (8,), "mbt2018": (8, 12)}
VARIABLE = {
    "bmshj2018-hyperprior-vbr": (vbr.ScaleHyperpriorVbr, True),
    "mbt2018-mean-vbr": (vbr.MeanScaleHyperpriorVbr, True),
    "mbt2018-vbr": (vbr.JointAutoregressiveHierarchicalPriorsVbr, None),
}


def _old(key):
    """The names of the checkpoints of 2020: a ParameterList of the bottleneck, `downsample`, data-parallel."""
    key = re.sub(r"^entropy_bottleneck\.(matrices|biases|factors)\.(\d)$", r"entropy_bottleneck._\1.\2", key)
    key = re.sub(r"^(g_a\.\d\.)skip\.", r"\1downsample.", key)
    return f"module.{key}"


def _case(folder, name, model, x):
    model.update(force=True)
    torch.save(model.state_dict(), folder / f"{name}.pth.tar")
    parallel = torch.nn.DataParallel(model).state_dict()
    torch.save(parallel, folder / f"{name}-parallel.pth.tar")
    old = {_old(key): value for key, value in model.state_dict().items()}
    torch.save(old, folder / f"{name}-old.pth.tar")
    for state in (parallel, old):
        again = type(model).from_state_dict(load_state_dict(state))
        assert all(torch.equal(again.state_dict()[key], value) for key, value in model.state_dict().items())
    state = {key: value.clone() for key, value in model.state_dict().items()}  # their forward zeroes masked taps
    return {"name": name, "x": x, "state": state, "x_hat": model.eval()(x)["x_hat"]}


def zoo_cases(folder):
    """Writes NAME.pth.tar, NAME-parallel.pth.tar and NAME-old.pth.tar of every architecture into `folder`."""
    cases = []
    for name in ("bmshj2018-factorized", "bmshj2018-hyperprior", "mbt2018-mean", *SIZES):
        torch.manual_seed(7)
        model = image.model_architectures[name](*SIZES.get(name, (8, 12)))
        model.g_a[-1 if hasattr(model.g_a[-1], "weight") else -2].weight.mul_(50)
        cases.append(_case(folder, name, model, torch.rand(1, 3, 64, 128)))
    return cases


def variable_zoo_cases(folder):
    """Writes NAME.pth.tar of the architectures of variable rate."""
    cases = []
    for name, (kind, of_variable_z) in VARIABLE.items():
        torch.manual_seed(7)
        model = kind(8, 12) if of_variable_z is None else kind(8, 12, vr_entbttlnck=of_variable_z)
        torch.save(model.state_dict(), folder / f"{name}.pth.tar")
        cases.append({"name": name, "state": model.state_dict()})
    return cases


def zoo_tables():
    """(file -> architecture, metric, quality; architecture -> sizes) of their zoo; quality 0 is variable rate."""
    files, root = {}, image.root_url
    for tables in (image.model_urls, image_vbr.model_urls):
        for architecture, metrics in tables.items():
            for metric, urls in metrics.items():
                for quality, url in urls.items() if isinstance(urls, dict) else [(0, urls)]:
                    assert url.startswith(f"{root}/") and root == "https://compressai.s3.amazonaws.com/models/v1"
                    files[url.removeprefix(f"{root}/")] = [architecture, metric, quality]
    sizes = {name: [list(size) for size in cfg.values()] for name, cfg in image.cfgs.items()}
    sizes |= {name: [list(size)] for name, size in image_vbr.cfgs.items()}
    return {"zoo_files": files, "zoo_sizes": sizes}
