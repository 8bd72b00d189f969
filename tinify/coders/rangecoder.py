# SPDX-License-Identifier: Apache-2.0
"""placeholder"""
from tinify.coders.rans64 import Rans64


class RangeCoder(Rans64):
    pass
