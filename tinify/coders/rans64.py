# SPDX-License-Identifier: Apache-2.0
"""rANS with one 64-bit state: the stream of CompressAI's `ans`, to the byte."""

from tinify import _core
from tinify.coders.base import Coder


class Rans64(Coder):
    """For streams that CompressAI reads or wrote. No check of the symbols; the end state is checked.

    Source: Duda 2013, "Asymmetric numeral systems", arXiv:1311.2540; byte format of CompressAI 1.2.8
    (Begaint et al. 2020, arXiv:2011.03029) over ryg_rans rans64 (Giesen).
    """

    _encoder = _core.Rans64Encoder
    _decoder = _core.Rans64Decoder
