# SPDX-License-Identifier: Apache-2.0
"""Versions, the build of torch, threads."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from tinify.doctor.finding import REINSTALL, Finding, broken

DISTRIBUTION = "tinify-codec"


def check() -> Iterator[Finding]:
    from tinify import __version__
    from tinify.evaluation.provenance import machine

    yield Finding("tinify", __version__)
    yield Finding("python", f"{platform.python_version()} ({sys.implementation.name}, {sys.prefix})")
    found = machine()
    memory = f"{found['memory_gb']} GB of memory" if "memory_gb" in found else ""
    yield Finding("machine", ", ".join(filter(None, (found["system"], found.get("processor"), memory))))
    yield from _dependencies()
    yield from _torch()


def _dependencies() -> Iterator[Finding]:
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        yield broken(DISTRIBUTION, "its metadata is not installed, so no plugin is found", REINSTALL)
        return
    for line in lines:
        match = re.match(r"([\w.-]+)\s*>=\s*([\d.]+)", line)
        if match and ";" not in line:
            yield _dependency(*match.groups())


def _dependency(name: str, least: str) -> Finding:
    step = f'pip install "{name}>={least}"'
    try:
        found = version(name)
    except PackageNotFoundError:
        return broken(name, "is not installed", step)
    if _numbers(found) < _numbers(least):
        return broken(name, f"{found}; {least} or later is needed", step)
    return Finding(name, found)


def _numbers(text: str) -> tuple[int, ...]:
    """The leading numbers of a version: "2.13.0+cpu" is (2, 13, 0)."""
    match = re.match(r"\d+(\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def _torch() -> Iterator[Finding]:
    try:
        import torch
    except (ImportError, OSError) as error:
        yield broken("torch build", f"cannot be imported: {error}", "install a build of torch for this machine")
        return
    device = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
    devices = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    yield Finding("torch build", f"{device}, {torch.backends.cpu.get_cpu_capability()}; devices: {devices or 'none'}")
    limit = os.environ.get("OMP_NUM_THREADS")
    set_by = f", OMP_NUM_THREADS={limit}" if limit else ""
    yield Finding("threads", f"torch uses {torch.get_num_threads()} of {_cores()} processors{set_by}")


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
