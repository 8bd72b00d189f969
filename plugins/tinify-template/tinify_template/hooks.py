# SPDX-License-Identifier: Apache-2.0
"""What tinify asks of a plugin. It imports no more than this: what the rows point to is imported when it is used."""

from tinify.hookspecs import hookimpl
from tinify.registry import Component


@hookimpl
def tinify_components():
    yield Component("quantizer", "template-step", "tinify_template.quantizer:LearnedStep", "rounds; learned steps")
    yield Component("codec", "template-picture", "tinify_template.codec:SmallPicture", "image; small, one rate")
