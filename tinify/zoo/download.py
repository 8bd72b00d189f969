# SPDX-License-Identifier: Apache-2.0
"""A file over HTTP, with the hash that it must have, continued where it was cut off.

url --> FILE.part --(SHA-256 fits)--> FILE
           ^ kept when the transfer stops; the next one asks for the rest (HTTP Range)
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tinify.errors import WeightsError

try:
    import fcntl
except ImportError:  # Windows: two processes must not fetch one file at once there
    fcntl = None

TIMEOUT_S = 30
LARGEST = 4 << 30  # bytes; weights are a few hundred million
ATTEMPTS = 5  # as long as each brings something
_RANGE_NOT_SATISFIABLE = 416


def fetch(url: str, path: Path, sha256: str, *, progress: bool = False) -> None:
    """Makes `path` the file at `url`, whose SHA-256 begins with `sha256`; `progress` shows it on a terminal's stderr.

    WeightsError where it cannot be had (what came is kept as .part), or has another hash (nothing is kept).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    show = _line(path.name) if progress and sys.stderr.isatty() else lambda done, total: None
    with _alone(part) as file:
        if path.is_file():  # another process fetched it while this one waited
            return
        try:
            _complete(file, url, sha256, show)
        except (OSError, HTTPException, ValueError) as error:
            kept = f"; {file.tell()} bytes are kept and the next try continues from there" if file.tell() else ""
            raise WeightsError(f"cannot fetch {url}: {error}{kept}. Try again, or put the file at {path}") from error
        if os.name == "nt":
            file.close()  # a file that is open cannot be renamed there
        os.replace(part, path)


def sha256_of(file: BinaryIO) -> str:
    """SHA-256 of a whole file, in hexadecimal."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _complete(file: BinaryIO, url: str, sha256: str, show: Callable) -> None:
    continued = file.seek(0, os.SEEK_END) > 0
    if continued and sha256_of(file).startswith(sha256):
        return
    _transfer(file, url, show)
    actual = sha256_of(file)
    if continued and not actual.startswith(sha256):  # the part may have been of another file
        file.truncate(0)
        _transfer(file, url, show)
        actual = sha256_of(file)
    if not actual.startswith(sha256):
        file.truncate(0)
        raise WeightsError(f"cannot fetch {url}: it has sha256 {actual} instead of {sha256}; nothing was kept")


def _transfer(file: BinaryIO, url: str, show: Callable) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        before = file.seek(0, os.SEEK_END)
        try:
            return _request(file, url, before, show)
        except HTTPError as error:
            if error.code != _RANGE_NOT_SATISFIABLE or not before:
                raise
            file.truncate(0)
        except (OSError, HTTPException):
            file.seek(0, os.SEEK_END)
            if file.tell() <= before or attempt == ATTEMPTS:
                raise
    raise ConnectionError("the server refuses the rest of the file and the whole of it")


def _request(file: BinaryIO, url: str, start: int, show: Callable) -> None:
    headers = {"User-Agent": "tinify", **({"Range": f"bytes={start}-"} if start else {})}
    with urlopen(Request(url, headers=headers), timeout=TIMEOUT_S) as response:
        span = re.match(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if start and not (response.status == 206 and span and int(span[1]) == start):
            file.truncate(0)  # a server that knows no ranges sends the whole again
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        while block := response.read(1 << 16):
            file.write(block)
            show(file.tell(), total)
            if file.tell() > LARGEST:
                file.truncate(0)
                raise ValueError(f"it is larger than {LARGEST} bytes")
    file.flush()
    if total is not None and file.tell() < total:
        raise ConnectionError(f"the transfer was cut off after {file.tell()} of {total} bytes")


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """The file `part`, open for this process only; others wait. Removed at the end if it is empty."""
    while True:
        file = open(part, "a+b")  # noqa: SIM115
        if fcntl:
            with suppress(OSError):  # some network file systems have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(part)):
                break
        file.close()  # the process that had it made it the file itself, or removed it
    try:
        yield file
    finally:
        file.close()
        with suppress(FileNotFoundError):
            if part.stat().st_size == 0:
                part.unlink()


def _line(name: str) -> Callable[[int, int | None], None]:
    def show(done: int, total: int | None) -> None:
        end = "\n" if done == total else ""
        sys.stderr.write(f"\r{name}: {done / 1e6:.1f} of {total / 1e6 if total else 0:.1f} MB{end}")
        sys.stderr.flush()

    return show
