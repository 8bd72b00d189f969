# SPDX-License-Identifier: Apache-2.0
"""A plugin that cannot be imported."""

raise ImportError("libgone.so: cannot open shared object file")
