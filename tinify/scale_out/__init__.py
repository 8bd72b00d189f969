# SPDX-License-Identifier: Apache-2.0
"""Folders of many files to `.tnf` files and back, on one core, on all of them or on many machines.

    folder or URL --plan--> jobs --batches--> engine: serial | processes | ray --rows--> manifest, summary
                      ^                          read (CPU) -> model (codec) -> write (CPU)
                      └── what the manifest says is done with the same settings is skipped

`run` does it all; a file is written whole or not at all, and one that fails does not stop the others.
"""

from tinify.scale_out.run import ENGINES, Summary, run
from tinify.scale_out.settings import Settings

__all__ = ["ENGINES", "Settings", "Summary", "run"]
