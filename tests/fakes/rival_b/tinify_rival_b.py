# SPDX-License-Identifier: Apache-2.0
"""One of two distributions that call their plugin `rival`."""

from tinify.hookspecs import hookimpl
from tinify.registry import Component


@hookimpl
def tinify_components():
    yield Component("quantizer", "rival-b", "collections:Counter")
