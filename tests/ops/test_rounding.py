# SPDX-License-Identifier: Apache-2.0
import torch

from tinify.ops import quantize_ste


def test_values_are_rounded_half_to_even():
    assert quantize_ste(torch.tensor([0.4, 0.5, 1.5, -1.2])).tolist() == [0.0, 0.0, 2.0, -1.0]


def test_the_gradient_passes_as_if_nothing_was_rounded():
    x = torch.tensor([0.4, -1.7], requires_grad=True)
    (quantize_ste(x) * torch.tensor([2.0, 3.0])).sum().backward()
    assert x.grad.tolist() == [2.0, 3.0]
