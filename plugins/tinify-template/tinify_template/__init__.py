# SPDX-License-Identifier: Apache-2.0
"""A quantizer and a picture codec for tinify."""

from tinify_template.codec import SmallPicture
from tinify_template.quantizer import LearnedStep

__all__ = ["LearnedStep", "SmallPicture"]
