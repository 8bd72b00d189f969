# SPDX-License-Identifier: Apache-2.0
"""The native core: which instructions the processor has, and which kernels are used."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from tinify.doctor.finding import REINSTALL, Finding, broken

VARIABLE = "TINIFY_SIMD"
# Kernels from the fastest on, and the flags of a processor that has their instructions.
FLAGS = {"avx512": {"avx512f", "avx512bw", "avx512vl", "avx512dq"}, "avx2": {"avx2"}, "scalar": set()}


def check() -> Iterator[Finding]:
    try:
        from tinify import _core
    except ImportError as error:
        step = f"{REINSTALL}; it builds the core where there is no wheel for this machine, with a C++ compiler"
        yield broken("native core", f"cannot be imported: {error}", step)
        return
    flags = processor_flags()
    known = sorted(flag for flag in flags if flag.startswith(("avx", "sse4", "fma", "bmi", "asimd", "neon", "sve")))
    yield Finding("processor", " ".join(known) or "its features are not known")
    usable = usable_kernels(_core)
    yield Finding("kernels", f"usable here: {', '.join(usable)}")
    yield _chosen("entropy coding", _core.simd(), usable)
    yield _chosen("transforms", _core.transform_simd(), usable)


def processor_flags() -> set[str]:
    """What the system says that the processor has; nothing where it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return next(
        (set(line.partition(":")[2].split()) for line in lines if line.startswith(("flags", "Features"))), set()
    )


def usable_kernels(core: ModuleType) -> list[str]:
    """Names of the entropy coders' kernels that this build has and this processor runs, the fastest first."""
    before = core.simd()
    try:
        return [name for name in FLAGS if core.use_simd(name)]
    finally:
        core.use_simd(before)


def _chosen(what: str, name: str, usable: list[str]) -> Finding:
    asked = os.environ.get(VARIABLE)
    if asked and asked != name:
        step = f"unset {VARIABLE}, or set it to one of {', '.join(usable)}"
        return broken(what, f"uses {name}, though {VARIABLE}={asked} asks for other kernels", step)
    if asked and usable[:1] != [name]:
        return Finding(what, f"uses {name}, as {VARIABLE} says; slower than {usable[0]}", next_step=f"unset {VARIABLE}")
    return Finding(what, f"uses {name}")
