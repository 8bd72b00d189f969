# SPDX-License-Identifier: Apache-2.0
"""Codecs of others to compare with, by name."""

from tinify.evaluation.peers.base import Peer, SizedFile, encode_to_size
from tinify.evaluation.peers.imagecodecs import IMAGECODECS
from tinify.evaluation.peers.pillow import PILLOW
from tinify.evaluation.peers.series import SERIES
from tinify.evaluation.peers.x265 import X265

PEERS = {peer.name: peer for peer in (*PILLOW, *IMAGECODECS, X265, *SERIES)}

__all__ = ["PEERS", "Peer", "SizedFile", "encode_to_size"]
