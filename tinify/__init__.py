# SPDX-License-Identifier: Apache-2.0
"""Tinify: neural codecs for any signal, composed from registered parts.

    signal x -> transform -> y -> quantizer -> symbols -> entropy model -> tables -> coder -> bytes -> container
"""

__version__ = "0.1.0"
