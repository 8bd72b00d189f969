# SPDX-License-Identifier: Apache-2.0
"""Range coder: symbols leave in the order in which they came."""

from tinify import _core
from tinify.coders.base import Coder


class RangeCoder(Coder):
    """Arithmetic coding by ranges, first in first out, with the exact 16-bit tables; slower than rANS.

    The encoder keeps no symbols, only bytes. 4 bytes at the end check the symbols: decoding with other tables or
    indexes is a DesyncError.

    Source: Martin 1979, "Range encoding: an algorithm for removing redundancy from a digitised message".
    """

    _encoder = _core.RangeEncoder
    _decoder = _core.RangeDecoder
