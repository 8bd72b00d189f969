# SPDX-License-Identifier: Apache-2.0
"""Small fully connected networks whose sums have a fixed order: the same numbers on every machine."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from tinify.errors import ConfigError
from tinify.layers.prepared import Prepared
from tinify.ops import elementary


def in_order(network: nn.Sequential, inputs: np.ndarray) -> np.ndarray:
    """float64 (inputs, n) -> (outputs, n), as `network` has it: linear layers, ReLU and Softplus.

    ConfigError for other layers. Not for wide networks: it goes over the inputs of a layer one after the other.
    """
    x = np.asarray(inputs, np.float64)
    for weight, bias in _steps(network):
        if weight is None:
            x = bias(x)
            continue
        total = np.broadcast_to(bias[:, None], (len(bias), x.shape[1]))
        for column, row in zip(weight.T, x, strict=True):
            total = total + column[:, None] * row
        x = total
    return x


def _make_steps(network: nn.Sequential) -> list:
    steps: list = []
    for layer in network:
        if isinstance(layer, nn.Linear):
            bias = np.zeros(layer.out_features) if layer.bias is None else _array(layer.bias)
            steps.append((_array(layer.weight), bias))
        elif isinstance(layer, nn.ReLU):
            steps.append((None, lambda x: np.maximum(x, 0)))
        elif isinstance(layer, nn.Softplus) and layer.beta == 1:
            steps.append((None, elementary.softplus))
        else:
            raise ConfigError(
                f"a network of {type(layer).__name__} has no fixed order; allowed: Linear, ReLU, Softplus"
            )
    return steps


def _array(weight: Tensor) -> np.ndarray:
    return weight.detach().cpu().double().numpy()


_steps = Prepared(_make_steps)
