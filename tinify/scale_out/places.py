# SPDX-License-Identifier: Apache-2.0
"""Folders to read from and to write to: local ones, and through fsspec those of object stores and other machines.

local    PARTIAL/token --rename--> name
store    a local temporary file --upload--> name            (an object appears when it is whole)
others   ... --upload--> PARTIAL/token --rename--> name     (sftp, hdfs, smb, ...)
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinify import media
from tinify.errors import InputError, MissingExtraError, OutputExistsError

PARTIAL = ".tinify-partial"
"""Folder of an output for what is not whole yet: beside what it becomes, so that a rename is one step."""
STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "obs", "memory"}
_STAMPS = ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "modified", "created")


@dataclass(frozen=True)
class Found:
    """A file below a folder: its relative name with "/", bytes (-1: a link that leads nowhere), and what changes when
    it does."""

    name: str
    size: int
    stamp: str


def is_url(text: str) -> bool:
    return "://" in text


def open_place(text: str) -> LocalPlace | RemotePlace:
    """The folder of a path or URL; it need not be there. MissingExtraError without fsspec, InputError for a URL of a
    kind that fsspec does not know."""
    if not is_url(text):
        return LocalPlace(os.path.abspath(text))
    try:
        import fsspec
    except ImportError as error:
        raise MissingExtraError(f'{text}: URLs need fsspec: pip install "tinify-codec[fsspec]"') from error
    try:
        system, root = fsspec.core.url_to_fs(text)
    except ImportError as error:  # the package for this kind of URL
        raise MissingExtraError(f"{text}: {error}") from error
    except ValueError as error:
        raise InputError(f"{text}: {error}") from error
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    if protocols & {"file", "local"}:
        return LocalPlace(os.path.abspath(root))
    return RemotePlace(text.rstrip("/"), root.rstrip("/"), system, bool(protocols & STORES), "memory" in protocols)


@dataclass(frozen=True)
class LocalPlace:
    """A folder of this machine, or one that every machine sees under the same path."""

    root: str
    one_process = False

    def __str__(self) -> str:
        return self.root

    def full_name(self, name: str) -> str:
        return os.path.join(self.root, *name.split("/"))

    def path(self, name: str) -> Path | None:
        return Path(self.full_name(name))

    def is_folder(self) -> bool:
        return os.path.isdir(self.root)

    def files(self, without: Any = None) -> Iterator[Found]:
        """Every file in and below the folder, in the order of names; hidden ones, folders that are links, and the
        place `without` are left out. A link to a file is that file."""
        yield from _walk(self.root, "", os.path.realpath(without.root) if isinstance(without, LocalPlace) else None)

    def find(self, name: str) -> Found:
        """One file. InputError where there is none."""
        try:
            found = os.stat(self.full_name(name))
        except OSError as error:
            raise InputError(f"{self.full_name(name)}: {error.strerror or error}") from error
        return Found(name, found.st_size, str(found.st_mtime_ns))

    def read(self, name: str) -> bytes:
        return media.read_bytes(self.full_name(name))

    def publish(self, name: str, produce: Callable[[Path], object], *, overwrite: bool) -> int:
        """Calls `produce` with a path that is free, puts what it has written at `name` in one step, and gives its
        bytes. OutputExistsError, InputError; then nothing is left."""
        target = self.full_name(name)
        temporary = os.path.join(self.root, PARTIAL, secrets.token_hex(8) + os.path.splitext(name)[1])
        try:
            produce(Path(temporary))
            size = os.path.getsize(temporary)
            _make(os.path.dirname(target))
            media.move_whole(temporary, target, overwrite=overwrite)
        except OSError as error:
            raise InputError(f"cannot write {target}: {error.strerror or error}") from error
        finally:
            with suppress(OSError):
                os.unlink(temporary)
        return size

    def prepare(self) -> None:
        """Makes the folder, and clears what a run that was killed has left. InputError."""
        self.clear()
        _make(os.path.join(self.root, PARTIAL))

    def clear(self) -> None:
        shutil.rmtree(os.path.join(self.root, PARTIAL), ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While nobody else writes here by this means. InputError when somebody does."""
        _make(self.root)
        try:
            import fcntl
        except ImportError:  # Windows
            yield
            return
        folder = os.open(self.root, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(folder)
            raise InputError(f"{self.root}: another run writes there; let it end, or end it") from None
        except OSError:  # a file system without locks
            pass
        try:
            yield
        finally:
            os.close(folder)

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        """A path at which the file can be read."""
        yield Path(self.full_name(name))


@dataclass(frozen=True)
class RemotePlace:
    """A folder that fsspec reaches; `store`: its files appear whole; `one_process`: nobody else sees it."""

    url: str
    root: str
    system: Any
    store: bool
    one_process: bool

    def __str__(self) -> str:
        return self.url

    def full_name(self, name: str) -> str:
        return f"{self.url}/{name}"

    def path(self, name: str) -> Path | None:
        return None

    def is_folder(self) -> bool:
        return bool(self.system.isdir(self.root))

    def files(self, without: Any = None) -> Iterator[Found]:
        """As `LocalPlace.files`."""
        other = getattr(without, "system", None) == self.system and without.root != self.root
        below = f"{without.root}/" if other else None
        for path, entry in sorted(self.system.find(self.root, detail=True).items()):
            name = path[len(self.root) :].lstrip("/")
            hidden = any(part.startswith(".") for part in name.split("/"))
            if not hidden and not (below and path.startswith(below)):
                yield _found(name, entry)

    def find(self, name: str) -> Found:
        try:
            return _found(name, self.system.info(self._inner(name)))
        except OSError as error:
            raise InputError(f"{self.full_name(name)}: {error.strerror or error}") from error

    def read(self, name: str) -> bytes:
        try:
            return self.system.cat_file(self._inner(name))
        except FileNotFoundError:
            raise InputError("there is no such file") from None
        except OSError as error:
            raise InputError(f"the file cannot be read: {error.strerror or error}") from error

    def publish(self, name: str, produce: Callable[[Path], object], *, overwrite: bool) -> int:
        """As `LocalPlace.publish`."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"whole{os.path.splitext(name)[1]}"
            produce(file)
            if not overwrite and self.system.exists(self._inner(name)):
                raise OutputExistsError(f"{self.full_name(name)} exists already; allow overwriting it")
            self._upload(file, name)
            return file.stat().st_size

    def _upload(self, file: Path, name: str) -> None:
        target = self._inner(name)
        self.system.makedirs(target.rpartition("/")[0], exist_ok=True)
        if self.store:
            self.system.put_file(str(file), target)
            return
        temporary = self._inner(f"{PARTIAL}/{secrets.token_hex(8)}")
        self.system.put_file(str(file), temporary)
        self.system.mv(temporary, target)

    def prepare(self) -> None:
        self.system.makedirs(self.root, exist_ok=True)
        if not self.store:
            self.clear()
            self.system.makedirs(self._inner(PARTIAL), exist_ok=True)

    def clear(self) -> None:
        if not self.store:
            with suppress(OSError):
                self.system.rm(self._inner(PARTIAL), recursive=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        yield

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"whole{os.path.splitext(name)[1]}"
            path.write_bytes(self.read(name))
            yield path

    def _inner(self, name: str) -> str:
        return f"{self.root}/{name}"


def _found(name: str, entry: dict[str, Any]) -> Found:
    stamp = next((entry[key] for key in _STAMPS if entry.get(key) is not None), "")
    return Found(name, int(entry.get("size") or 0), str(stamp))


def _walk(folder: str, inner: str, without: str | None) -> Iterator[Found]:
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror or error}") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if not entry.is_symlink() and os.path.realpath(entry.path) != without:
                yield from _walk(entry.path, f"{inner}{entry.name}/", without)
            continue
        try:
            state = entry.stat()
        except OSError:
            yield Found(inner + entry.name, -1, "")
            continue
        if entry.is_file():  # no pipe, no device
            yield Found(inner + entry.name, state.st_size, str(state.st_mtime_ns))


def _make(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror or error}") from error
