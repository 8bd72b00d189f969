# SPDX-License-Identifier: Apache-2.0
"""Neural building blocks."""

from tinify.layers.convolutions import conv, deconv
from tinify.layers.gdn import GDN, GDN1

__all__ = ["GDN", "GDN1", "conv", "deconv"]
