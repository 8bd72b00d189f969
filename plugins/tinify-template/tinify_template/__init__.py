# SPDX-License-Identifier: Apache-2.0
"""A quantizer and a picture codec for tinify. Nothing is imported here, so that tinify stays quick to start."""
