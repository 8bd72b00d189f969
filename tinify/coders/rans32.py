# SPDX-License-Identifier: Apache-2.0
"""The native default: interleaved rANS that SIMD reads."""

from tinify import _core
from tinify.coders.base import Coder


class Rans32(Coder):
    """Up to 32 interleaved 32-bit rANS states with 12-bit tables made from the 16-bit ones.

        symbols -> high part -> states -> 16-bit words
                -> low bits (wide rows), escapes -> sections of their own

    Bytes are the same whatever the CPU (scalar, AVX2, AVX-512). Streams are at most about 0.15 % longer than the 16-bit
    tables' cross-entropy, plus 3 bytes a lane and 1; lanes grow with the number of symbols, 1 below 512 and 8 for a
    768x512 picture. Tables that 12 bits do not hold (more than 255 uneven bins, more than 1024 rows) are coded by one
    64-bit state with their 16 bits, more slowly. The states carry a check of the symbols: decoding with other tables or
    indexes is a DesyncError.

    Source: Duda 2013, "Asymmetric numeral systems", arXiv:1311.2540; Giesen 2014, "Interleaved entropy coders",
    arXiv:1402.3392. Differs in that the initial states carry a checksum.
    """

    _encoder = _core.Rans32Encoder
    _decoder = _core.Rans32Decoder
