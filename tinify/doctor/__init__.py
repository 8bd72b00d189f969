# SPDX-License-Identifier: Apache-2.0
"""Whether this installation works, and what to do where it does not.

checkups, a module each: environment, native, coders, plugin_health, codecs, extras ──► findings ──► `tinify doctor`
"""

from tinify.doctor.finding import Finding
from tinify.doctor.run import CHECKUPS, examine

__all__ = ["CHECKUPS", "Finding", "examine"]
