# SPDX-License-Identifier: Apache-2.0
"""Pretrained codecs: those of zoo folders by name, and CompressAI's published checkpoints under its functions' names.

codec = zoo.load("photo-fast")              # ready to use
codec = zoo.load("mbt2018-mean-mse-3")      # a published checkpoint, the same
model = zoo.mbt2018_mean(quality=3, pretrained=True)  # the same checkpoint as a model to train or to look into
"""

from tinify.zoo.architectures import (
    bmshj2018_factorized,
    bmshj2018_factorized_relu,
    bmshj2018_hyperprior,
    bmshj2018_hyperprior_vbr,
    cheng2020_anchor,
    cheng2020_attn,
    image_models,
    mbt2018,
    mbt2018_mean,
    mbt2018_mean_vbr,
    mbt2018_vbr,
)
from tinify.zoo.folders import CODEC_FILE, Entry, find, is_folder, list_entries, load, names, read_entry
from tinify.zoo.published import checkpoints
from tinify.zoo.weights import Weights, cache_folder, load_state_dict

__all__ = [
    "CODEC_FILE",
    "Entry",
    "Weights",
    "bmshj2018_factorized",
    "bmshj2018_factorized_relu",
    "bmshj2018_hyperprior",
    "bmshj2018_hyperprior_vbr",
    "cache_folder",
    "checkpoints",
    "cheng2020_anchor",
    "cheng2020_attn",
    "find",
    "image_models",
    "is_folder",
    "list_entries",
    "load",
    "load_state_dict",
    "mbt2018",
    "mbt2018_mean",
    "mbt2018_mean_vbr",
    "mbt2018_vbr",
    "names",
    "read_entry",
]
