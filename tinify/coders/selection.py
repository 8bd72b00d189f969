# SPDX-License-Identifier: Apache-2.0
"""The coder that models use where they were not given one."""

from tinify.entropy_coder import available_entropy_coders, get_entropy_coder, set_entropy_coder

__all__ = ["available_entropy_coders", "get_entropy_coder", "set_entropy_coder"]
