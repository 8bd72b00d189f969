# SPDX-License-Identifier: Apache-2.0
"""File after file in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinify.scale_out.plan import Job
from tinify.scale_out.stages import Spec


def work(spec: Spec, todo: list[Job], workers: int | None = None) -> Iterator[list[dict[str, Any]]]:
    """Rows of the files as they are done; there is one worker."""
    stages = spec.stages()
    stages.load()
    for job in todo:
        yield [stages.whole(job)]
