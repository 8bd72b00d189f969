# SPDX-License-Identifier: Apache-2.0
"""A plugin whose hooks raise or return what they should not."""

from tinify.hookspecs import hookimpl
from tinify.registry import Component


@hookimpl
def tinify_components():
    yield Component("quantiser", "faulty-kind", "collections:Counter")
    yield Component("quantizer", "Faulty Name", "collections:Counter")
    yield Component("quantizer", "faulty-target", "collections")
    yield Component("quantizer", "faulty-import", "module_that_is_not_there:Thing")
    yield "a string"
    yield Component("quantizer", "faulty-but-fine", "collections:Counter")


@hookimpl
def tinify_media():
    raise RuntimeError("no formats today")
