# SPDX-License-Identifier: Apache-2.0
"""Quantizers of vector-quantize-pytorch as components of tinify."""
