# SPDX-License-Identifier: Apache-2.0
"""The codec that a person names: of the zoo, a folder, a codec file, or a peer, with or without settings of its own."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from tinify import api, codec_file, zoo
from tinify.errors import ConfigError, InputError, MissingExtraError, UnknownComponentError
from tinify.evaluation.costs import costs_of
from tinify.evaluation.items import KINDS, Item
from tinify.evaluation.peers import PEERS, Peer
from tinify.evaluation.setting import Bound, Setting
from tinify.evaluation.tnf_codec import TnfCodec

ALIASES = {"jpg": "jpeg", "jp2": "jpeg2000", "jxl": "jpegxl", "libjxl": "jpegxl"}
_NUMBERS = re.compile(r"(.+)@([-\d.,%sigma ]+)$")
_ENDINGS = {"%": ("range", 0.01), "sigma": ("sigma", 1.0), "s": ("sigma", 1.0)}


@dataclass(frozen=True)
class Named:
    """`photo-fast` or `photo-fast@10,30,50` or `sz3@1%,0.1%`: what to load, and its own settings."""

    name: str
    settings: tuple[Setting, ...] = ()

    @property
    def title(self) -> str:
        """What reports call it: a folder's or file's last part."""
        return Path(self.name).name


def parse(text: str) -> Named:
    """ConfigError for settings that are none."""
    found = _NUMBERS.match(text)
    if not found:
        return Named(text)
    return Named(found[1], tuple(parse_setting(one) for one in found[2].split(",")))


def parse_setting(text: str) -> Setting:
    """A quality, 30, or a bound with the ending of its unit: 1% of the range, 0.1s (sigma)."""
    for ending, (of, worth) in _ENDINGS.items():
        if text.strip().endswith(ending):
            return Bound(_number(text.strip().removesuffix(ending), text) * worth, of)
    return _number(text, text)


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{whole!r} is no setting; allowed: a quality, 30, or a bound, 1% or 0.1s") from None


@cache
def load(name: str) -> TnfCodec | Peer:
    """MissingExtraError for a peer that is not installed, UnknownComponentError with near names, others of `load`."""
    peer = PEERS.get(ALIASES.get(name, name))
    if peer is None:
        try:
            return TnfCodec(api.load(name), Path(name).name)
        except UnknownComponentError as error:
            close = get_close_matches(name, PEERS, n=2)
            hint = f"; a peer of near name: {', '.join(close)}" if close else f"; peers: {', '.join(PEERS)}"
            raise UnknownComponentError(f"{error}{hint}") from error
    if peer.missing():
        raise MissingExtraError(peer.missing())
    return peer


def check(subject: TnfCodec | Peer, items: list[Item], settings: tuple[Setting, ...]) -> None:
    """InputError when an item is of another modality than the codec, ConfigError for a setting that it has not."""
    for item in items:
        if item.modality != subject.modality:
            fitting = [api.DEFAULT_CODECS.get(item.modality), *PEERS]
            fitting = [name for name in fitting if name not in PEERS or PEERS[name].modality == item.modality]
            takes, found = (KINDS.get(kind, kind) for kind in (subject.modality, item.modality))
            raise InputError(
                f"{subject.name} takes {takes} and {item.name} is {found}; give it other files (--data 'DIR/*.png') or "
                f"choose one of {', '.join(filter(None, fitting))}"
            )
    for setting in settings:
        subject.check(setting)


def about(name: str, subject: TnfCodec | Peer) -> dict[str, Any]:
    """What a report says of it: which weights, or which library."""
    if isinstance(subject, Peer):
        return {"kind": "peer", "modality": subject.modality, "library": subject.made_by(), "what": subject.summary}
    fingerprint = subject.codec.fingerprint().hex()
    found = {"kind": "tinify", "modality": subject.modality, "fingerprint": fingerprint, **_weights(name)}
    return found | costs_of(subject.codec)


def _weights(name: str) -> dict[str, str]:
    if codec_file.is_named(name):
        return {"weights_sha256": hashlib.sha256(Path(name).read_bytes()).hexdigest()}
    entry = zoo.read_entry(Path(name)) if zoo.is_folder(name) else zoo.find(name)
    return {"weights_sha256": entry.weights.sha256} if entry.weights else {}
