# SPDX-License-Identifier: Apache-2.0
"""The coders of constriction as components of tinify."""
