"""What is missing of Triton is named, with what to install."""

import importlib.util

import pytest

from pipelines.errors import TritonMissing
from pipelines.triton import installation


def test_the_missing_wheel_is_told(monkeypatch):
    """An environment without Triton gets the name of the package."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(TritonMissing, match="nvidia-pytriton"):
        installation.find_installation()


def test_the_missing_shared_library_is_told(monkeypatch, tmp_path):
    """Without libpython the stub cannot start; the message names the library."""
    monkeypatch.setattr(installation.ctypes, "CDLL", lambda name: (_ for _ in ()).throw(OSError(name)))
    monkeypatch.setattr(installation.sysconfig, "get_config_var", lambda name: str(tmp_path))
    monkeypatch.setattr(installation.sys, "prefix", str(tmp_path))
    monkeypatch.setattr(installation.sys, "base_prefix", str(tmp_path))

    with pytest.raises(TritonMissing, match="libpython"):
        installation._libpython()
