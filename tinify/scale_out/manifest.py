# SPDX-License-Identifier: Apache-2.0
"""What has been done in an output folder: JSON lines in `.tinify-manifest.jsonl`, of which the last of a name counts.

    {"settings": "9f..", "how": {..}}                       what a run compresses with
    {"name": "a/b.png", "status": "planned", "input": ..}   before any work: what is there later is ours
    {"name": "a/b.png", "status": "done", "input": "/data/a/b.png", "size": .., "stamp": .., "settings": "9f..",
     "output": "a/b.png.tnf", "bytes": ..}                  or "failed", with "error" and "exit_code"

A local manifest grows by lines, of which the last may be cut off, and is written anew, without the lines that no longer
count, when a run ends. Where files cannot grow, lines go to files `.tinify-manifest-TIME-NUMBER.jsonl` until then.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

from tinify.errors import TinifyError
from tinify.scale_out.places import LocalPlace, RemotePlace

NAME = ".tinify-manifest"
_EVERY = 10.0  # seconds between the files of lines


class Manifest:
    """The rows of an output folder by the name of the input, and a journal of new ones. One run at a time writes."""

    def __init__(self, place: LocalPlace | RemotePlace):
        self.rows: dict[str, dict[str, Any]] = {}
        self._settings: dict[str, Any] = {}
        self._place, self._file = place, None
        self._lines: list[str] = []
        self._parts: list[str] = []
        self._written, self._run, self._changed = time.monotonic(), time.time_ns(), False

    def read(self) -> None:
        """What earlier runs wrote; a line that is none is passed over."""
        if isinstance(self._place, LocalPlace):
            with suppress(TinifyError):
                self._take(self._place.read(f"{NAME}.jsonl"))
            return
        for path in sorted(self._listed(), key=lambda path: (not path.endswith(f"{NAME}.jsonl"), path)):
            name = path.rpartition("/")[2]
            self._take(self._place.read(name))
            if name != f"{NAME}.jsonl":
                self._parts.append(name)

    def add(self, rows: list[dict[str, Any]], *, flush: bool = False) -> None:
        """New rows; a kill of this process afterwards does not lose them where files can grow."""
        for row in rows:
            self._keep(row)
        self._changed = self._changed or bool(rows)
        self._lines += [json.dumps(row) + "\n" for row in rows]
        if isinstance(self._place, LocalPlace):
            self._append()
        elif flush or time.monotonic() - self._written > _EVERY:
            self._write_part()

    def close(self) -> None:
        """Writes the manifest anew where there is something new."""
        if self._file is not None:
            self._file.close()
        if not self._changed:
            return
        used = {row.get("settings") for row in self.rows.values()}
        kept = [row for name, row in self._settings.items() if name in used] + list(self.rows.values())
        data = "".join(json.dumps(row) + "\n" for row in kept).encode()
        self._place.publish(f"{NAME}.jsonl", lambda path: path.write_bytes(data), overwrite=True)
        for name in self._parts:
            with suppress(OSError):
                self._place.system.rm(f"{self._place.root}/{name}")

    def _take(self, data: bytes) -> None:
        for line in data.decode("ascii", "replace").splitlines():
            with suppress(ValueError, RecursionError):
                self._keep(json.loads(line))

    def _keep(self, row: Any) -> None:
        if isinstance(row, dict) and isinstance(row.get("name"), str):
            self.rows[row["name"]] = row
        elif isinstance(row, dict) and isinstance(row.get("settings"), str):
            self._settings[row["settings"]] = row

    def _append(self) -> None:
        if self._file is None:
            self._file = open(self._place.full_name(f"{NAME}.jsonl"), "ab")  # noqa: SIM115
            self._file.write(b"\n" if self._file.tell() else b"")  # after a line that was cut off
        self._file.write("".join(self._lines).encode())
        self._file.flush()
        self._lines.clear()

    def _write_part(self) -> None:
        name = f"{NAME}-{self._run}-{len(self._parts):06}.jsonl"
        data = "".join(self._lines).encode()
        self._place.publish(name, lambda path: path.write_bytes(data), overwrite=True)
        self._parts.append(name)
        self._lines.clear()
        self._written = time.monotonic()

    def _listed(self) -> list[str]:
        with suppress(FileNotFoundError):
            found = self._place.system.ls(self._place.root, detail=False)
            return [path for path in found if path.rpartition("/")[2].startswith(NAME)]
        return []
