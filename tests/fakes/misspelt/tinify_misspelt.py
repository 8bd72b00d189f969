# SPDX-License-Identifier: Apache-2.0
"""A plugin with a misspelt hook, one that is not marked, and one that is right."""

from tinify.hookspecs import hookimpl
from tinify.registry import Component


@hookimpl
def tinify_component():
    yield Component("quantizer", "never-seen", "nowhere:Nothing")


def tinify_models():
    return []


@hookimpl
def tinify_components():
    yield Component("quantizer", "misspelt-right", "collections:Counter")
