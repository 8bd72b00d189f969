# SPDX-License-Identifier: Apache-2.0
"""Entropy coders over integer buffers; built by name through the registry (kind "coder")."""
