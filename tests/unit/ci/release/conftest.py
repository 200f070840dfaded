"""A repository with models that passed."""

from pathlib import Path

import pytest

from tests.releases import Workshop


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A repository with one model, 1.0.0, that passed on one target."""
    made = Workshop(tmp_path, monkeypatch)
    made.make("1.0.0")
    return made
