"""Only regular files are opened, and opening never waits."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.archive.regular_file import open_regular
from pipelines.errors import MissingInput, NotAnArchive


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize(
    ("make", "kind"),
    [(Path.mkdir, "a folder"), (os.mkfifo, "a FIFO")],
    ids=["folder", "fifo"],
)
def test_other_things_are_named(tmp_path: Path, make: Callable[[Path], None], kind: str) -> None:
    """A folder is no file, and a FIFO without a writer is refused at once instead of waiting for one."""
    make(tmp_path / "a.nemo")

    with pytest.raises(NotAnArchive, match=f"is {kind}, not a file"):
        open_regular(tmp_path / "a.nemo")


def test_sockets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket cannot even be opened."""
    monkeypatch.chdir(tmp_path)
    _socket(Path("a.nemo"))

    with pytest.raises(MissingInput, match="cannot be opened: No such device"):
        open_regular(Path("a.nemo"))


def test_missing_files_are_named(tmp_path: Path) -> None:
    """A path that leads nowhere is said to."""
    with pytest.raises(MissingInput, match=r"there is no file .*nowhere\.nemo"):
        open_regular(tmp_path / "nowhere.nemo")


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that may not be read is told from one that is not there (the refusal is made up: root may read all)."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(MissingInput, match="cannot be opened: Permission denied"):
        open_regular(tmp_path / "a.nemo")
