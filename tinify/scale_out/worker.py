# SPDX-License-Identifier: Apache-2.0
"""A worker process: a spec, then batches of jobs as pickles on standard input, rows on standard output."""

from __future__ import annotations

import os
import pickle
import sys
from typing import BinaryIO

from tinify.errors import TinifyError


def main() -> None:
    """Serves whoever started this process, and ends when that one does."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a codec prints must not get among the rows
    try:
        _serve(sys.stdin.buffer, answers)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # the caller has gone; no need to tear down what is left


def _serve(questions: BinaryIO, answers: BinaryIO) -> None:
    caller, spec = pickle.load(questions)
    try:
        stages = spec.stages()
        stages.load()
        _answer(answers, True)
    except Exception as error:
        _answer(answers, error if isinstance(error, TinifyError) else TinifyError(f"{type(error).__name__}: {error}"))
        return
    while True:
        rows = []
        for job in pickle.load(questions):
            if os.getppid() != caller:  # it was killed, and another run may be at these files
                os._exit(1)
            rows.append(stages.whole(job))
        _answer(answers, rows)


def _answer(answers: BinaryIO, value: object) -> None:
    pickle.dump(value, answers)
    answers.flush()
