# SPDX-License-Identifier: Apache-2.0
"""With what files are compressed or restored, and a short name for it that changes when what comes out would."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tinify import api, codec_file, media, zoo
from tinify.errors import ConfigError

VERBS = ("compress", "decompress")
_RATES = ("quality", "target_bpp", "target_psnr", "max_bytes", "max_error")


@dataclass(frozen=True)
class Settings:
    """As `tinify.compress` takes them. codec: a name, codec file or folder, as each worker loads it for itself.
    extension: of restored files, with the dot; by default as the content says. threads do not change what comes out."""

    verb: str = "compress"
    codec: str | None = None
    quality: float | None = None
    target_bpp: float | None = None
    target_psnr: float | None = None
    max_bytes: int | None = None
    max_error: Any = None
    max_error_of: str = "absolute"
    lossless: bool = False
    chunk: int | None = None
    tile: int | None = None
    extension: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("quality", "target_bpp", "target_psnr"):  # 60 and 60.0 are one setting
            value = getattr(self, name)
            if isinstance(value, int):
                object.__setattr__(self, name, float(value))

    @property
    def target(self) -> dict[str, Any]:
        """What is met by trying: needs the whole signal at hand."""
        return {"target_bpp": self.target_bpp, "target_psnr": self.target_psnr, "max_bytes": self.max_bytes}

    @property
    def bound(self) -> dict[str, Any]:
        return {"max_error": self.max_error, "max_error_of": self.max_error_of, "lossless": self.lossless}

    @property
    def pieces(self) -> dict[str, Any]:
        return {"chunk": self.chunk, "tile": self.tile, "threads": self.threads}

    def checked(self) -> Settings:
        """The same for any working folder. ConfigError for what contradicts itself."""
        if self.verb not in VERBS:
            raise ConfigError(f"verb is {self.verb!r}; allowed: {', '.join(VERBS)}")
        given = [name for name in _RATES if getattr(self, name) is not None] + ["lossless"] * self.lossless
        if len(given) > 1:
            raise ConfigError(f"{' and '.join(given)} exclude each other; give one")
        if self.codec is not None and not isinstance(self.codec, str | os.PathLike):
            raise ConfigError(f"codec is {self.codec!r}; give a name, a codec file or a folder, which workers can load")
        if self.codec is None or not (codec_file.is_named(self.codec) or zoo.is_folder(self.codec)):
            return self
        return replace(self, codec=os.path.abspath(self.codec))

    def described(self) -> dict[str, Any]:
        """What is not as by default, and the weights. Errors of `zoo.find` and `codec_file.load`."""
        rest = {name: value for name, value in asdict(self).items() if name not in ("threads", "codec")}
        given = {name: _plain(value) for name, value in rest.items() if value is not None and value is not False}
        if self.codec is not None:
            return given | {"codec": self.codec, "weights": _weights(self.codec)}
        if self.verb == "decompress":
            return given
        return given | {"codec": {kind: _weights(name) for kind, name in api.DEFAULT_CODECS.items()}}

    @staticmethod
    def name_of(described: dict[str, Any]) -> str:
        """Of `described`: sixteen hexadecimal digits."""
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """For JSON: of an array, its list."""
    return value.tolist() if hasattr(value, "tolist") else value


def _weights(codec: str) -> Any:
    """What says which codec that is, without loading it."""
    if codec_file.is_named(codec):
        return hashlib.sha256(media.read_bytes(codec)).hexdigest()
    entry = zoo.read_entry(Path(codec)) if zoo.is_folder(codec) else zoo.find(codec)
    return {"codec": entry.codec, "weights": entry.weights.sha256 if entry.weights else ""}
