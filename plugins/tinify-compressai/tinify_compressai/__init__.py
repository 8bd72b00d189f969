# SPDX-License-Identifier: Apache-2.0
"""CompressAI's models, latent codecs, entropy models and coder as components of tinify.

codec = tinify.build({"kind": "codec", "name": "compressai-mbt2018-mean", "N": 128, "M": 192})
codec = tinify_compressai.codec_of(model)      # around a model of CompressAI that there is already
mine = tinify_compressai.to_tinify(model)      # the same weights in tinify's own codec, and
theirs = tinify_compressai.to_compressai(mine) # back

Neither compressai nor torch is imported before one of these is called or a component is built.
"""

from __future__ import annotations

from typing import Any

__all__ = ["codec_of", "to_compressai", "to_tinify"]


def codec_of(model: Any) -> Any:
    """The codec around a model of CompressAI, which it goes on using. UnknownComponentError for other classes."""
    from tinify import registry
    from tinify_compressai.models import architecture_of

    return registry.get("codec", f"compressai-{architecture_of(model)}").of(model)


def to_tinify(model: Any) -> Any:
    """tinify's own codec with the weights of a model of CompressAI, or of this plugin's codec around one."""
    from tinify_compressai.conversion import to_tinify

    return to_tinify(model)


def to_compressai(codec: Any) -> Any:
    """CompressAI's model with the weights of tinify's own codec, or the one that this plugin's codec is around."""
    from tinify_compressai.conversion import to_compressai

    return to_compressai(codec)
