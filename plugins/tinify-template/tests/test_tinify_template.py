# SPDX-License-Identifier: Apache-2.0
"""The parts keep the contract of their kind, and tinify finds them."""

from pathlib import Path

import numpy as np
import torch
from tinify_template.quantizer import LearnedStep

import tinify
from tinify import registry, testing

RECIPE = Path(__file__).parent.parent / "recipe.toml"


def picture():
    rows, columns = np.mgrid[0:30, 0:45]
    return np.stack([rows * 5, columns * 4, rows + columns], axis=2).astype(np.uint8)


def test_the_quantizer_keeps_its_contract():
    testing.check_quantizer(LearnedStep(3), torch.randn(2, 3, 8, 8))


def test_the_codec_keeps_its_contract():
    torch.manual_seed(0)
    testing.check_codec(tinify.build(RECIPE).eval(), tinify.Signal("image", picture(), {"icc": b"profile"}))


def test_steps_are_trained():
    codec, x = tinify.build(RECIPE).train(), torch.rand(1, 3, 16, 16)
    codec(x).x_hat.square().mean().backward()
    assert codec.quantizer.log_step.grad.abs().sum() > 0


def test_the_plugin_is_found():
    assert registry.find("quantizer", "template-step").plugin == "template"
    assert tinify.build(RECIPE).requires[0].startswith("tinify-template ")
