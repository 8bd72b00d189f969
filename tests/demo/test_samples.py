# SPDX-License-Identifier: Apache-2.0
import importlib.util
import socket

import numpy as np
import pytest

from tinify.demo import samples
from tinify.errors import MissingExtraError


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*arguments):
        raise AssertionError("the demo asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def test_photo_comes_from_the_package_without_a_network(no_network):
    pytest.importorskip("skimage")
    photo = samples.photo()
    assert photo.pixels.shape == (400, 600, 3)
    assert photo.file.startswith(b"\x89PNG")
    assert all(top + 96 <= 400 and left + 96 <= 600 for top, left in photo.crops)


def test_recording_comes_from_the_package_without_a_network(no_network):
    pytest.importorskip("pywt")
    recording = samples.recording()
    assert recording.samples.shape == (1024, 1)
    assert np.issubdtype(recording.samples.dtype, np.integer)
    assert 0 <= recording.window[0] < recording.window[1] <= 1024


@pytest.mark.parametrize("missing", ["skimage", "pywt", "pcodec"])
def test_missing_package_names_the_extra(monkeypatch, missing):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(MissingExtraError, match=r'pip install "tinify-codec\[demo\]"'):
        samples.require_extra()


def test_packages_without_their_data_name_the_extra(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(samples, "files", absent)
    with pytest.raises(MissingExtraError, match="demo"):
        samples.photo()
