# SPDX-License-Identifier: Apache-2.0
"""The native default coder."""

from tinify import _core
from tinify.coders.base import Coder


class Rans32(Coder):
    _encoder = _core.Rans32Encoder
    _decoder = _core.Rans32Decoder
