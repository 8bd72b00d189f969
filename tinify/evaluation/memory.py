# SPDX-License-Identifier: Apache-2.0
"""How much more memory this process held while something ran.

`tracemalloc` sees nothing that native code allocates, and `ru_maxrss` is the most since the process began, which an
earlier and larger picture has set. Linux keeps the same mark where a process can set it back: 5 in
/proc/self/clear_refs, then VmHWM in /proc/self/status. Other systems are not measured.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
METHOD = (
    "encode_mb, decode_mb: how far the resident size of the process rose above what it held before (VmHWM less VmRSS), "
    "10^6 bytes; resident_mb: what it holds with the codec loaded, Python, libraries and weights"
)


class PeakMemory:
    """`with PeakMemory() as peak: work()`; then `peak.megabytes` (10^6 bytes) is how far the resident size rose above
    what it was before, None where that cannot be measured."""

    megabytes: float | None = None

    def __enter__(self) -> PeakMemory:
        self._set_back = False
        give_back()
        self._before = resident()
        with suppress(OSError):
            _RESET.write_text("5")
            self._set_back = True
        return self

    def __exit__(self, *_: object) -> None:
        highest = _status("VmHWM")
        if self._set_back and highest is not None and self._before is not None:
            self.megabytes = max(0.0, highest - self._before)


def resident() -> float | None:
    """Megabytes (10^6 bytes) that the process holds now."""
    return _status("VmRSS")


def give_back() -> None:
    """Free memory to the system, so that work cannot do with what an earlier item left and seem to need none."""
    with suppress(OSError, AttributeError):  # only the GNU library keeps and can give back
        ctypes.CDLL(None).malloc_trim(0)


def _status(field: str) -> float | None:
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) * 1024 / 1e6
    return None
