# SPDX-License-Identifier: Apache-2.0
"""When the native core takes over from torch: on a CPU, with no gradient to come.

`TINIFY_NATIVE_TRANSFORMS=0` in the environment leaves everything to torch.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor

_ENABLED = os.environ.get("TINIFY_NATIVE_TRANSFORMS", "1") != "0"


def suits(x: Tensor) -> bool:
    """Whether x is plain numbers on a CPU that nobody wants a gradient of."""
    plain = type(x) in (Tensor, torch.nn.Parameter) and x.device.type == "cpu" and x.layout == torch.strided
    wanted = x.requires_grad and torch.is_grad_enabled()
    return _ENABLED and plain and not wanted and not torch.compiler.is_compiling()
