# SPDX-License-Identifier: Apache-2.0
"""Series codecs."""

from tinify.models.series.tokenizer import Tokenizer

__all__ = ["Tokenizer"]
