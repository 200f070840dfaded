"""Outputs are whole or not there."""

import ctypes
import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from pipelines.errors import OutputBusy, OutputExists, OutputFailed
from pipelines.outputs import atomic_directory, atomic_file


@pytest.mark.parametrize("old", [False, True])
def test_a_folder_is_replaced_in_one_step(tmp_path: Path, old: bool) -> None:
    """A folder appears with its new content only, and open files of the old one stay readable."""
    target = tmp_path / "models"
    if old:
        target.mkdir()
        (target / "old").write_text("old")
        held = (target / "old").open()

    with atomic_directory(target, force=True) as temporary:
        (temporary / "new").write_text("new")

    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["models"]
    if old:
        with held:
            assert held.read() == "old"


@pytest.mark.parametrize("kind", [atomic_file, atomic_directory])
def test_an_error_leaves_the_old_output(tmp_path: Path, kind: type) -> None:
    """When the work fails, what stood there before still stands there, and no litter."""
    target = tmp_path / "output"
    with kind(target) as temporary:
        (temporary / "a" if kind is atomic_directory else temporary).write_text("old")

    with pytest.raises(OSError, match="gone"), kind(target, force=True) as temporary:
        _fail_half_way(temporary / "a" if kind is atomic_directory else temporary)

    assert (target / "a" if kind is atomic_directory else target).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def _fail_half_way(path: Path) -> None:
    path.write_text("new")
    raise OSError("gone")


@pytest.mark.parametrize("kind", [atomic_file, atomic_directory])
def test_an_existing_output_is_refused(tmp_path: Path, kind: type) -> None:
    """Without force an existing output is refused before any work."""
    (tmp_path / "output").touch()

    with pytest.raises(OutputExists), kind(tmp_path / "output"):
        pytest.fail("the block must not run")


def test_a_dead_runs_litter_is_cleaned(tmp_path: Path) -> None:
    """A killed run's temporary file and lock do not disturb the next run."""
    child = multiprocessing.get_context("spawn").Process(target=_die_half_way, args=(tmp_path / "output",))
    child.start()
    child.join()
    assert child.exitcode != 0
    assert len([*tmp_path.iterdir()]) == 2

    with atomic_file(tmp_path / "output") as temporary:
        temporary.write_text("whole")

    assert [path.name for path in tmp_path.iterdir()] == ["output"]


def _die_half_way(path: Path) -> None:
    with atomic_file(path) as temporary:
        temporary.write_text("half")
        os._exit(9)


def test_a_second_writer_is_told(tmp_path: Path) -> None:
    """While an output is being written, another writer of it is refused."""
    with atomic_file(tmp_path / "output") as temporary:
        temporary.write_text("first")
        with pytest.raises(OutputBusy), atomic_file(tmp_path / "output"):
            pytest.fail("the block must not run")

    assert (tmp_path / "output").read_text() == "first"


def test_a_name_that_no_file_can_have_is_said(tmp_path: Path) -> None:
    """It is the user's choice, not a fault of the program."""
    with pytest.raises(OutputFailed, match="File name too long"), atomic_file(tmp_path / ("a" * 300)):
        pass


@pytest.mark.parametrize("kind", [atomic_file, atomic_directory])
@pytest.mark.parametrize("place", ["/proc/x", "/proc/x/y", "/sys/x", "/dev/null/x"])
def test_a_place_where_nothing_can_be_made_is_said(kind: type, place: str) -> None:
    """File systems of the kernel refuse in their own ways; all of them are the user's choice of a place."""
    with pytest.raises(OutputFailed, match=place), kind(Path(place)):
        pytest.fail("the block must not run")


def test_half_an_exchange_is_undone(tmp_path: Path) -> None:
    """Where folders cannot be exchanged in one step, a killed run may leave the old one aside: it comes back."""
    (tmp_path / ".models.old").mkdir()
    (tmp_path / ".models.old" / "old").touch()

    with pytest.raises(OutputExists), atomic_directory(tmp_path / "models"):
        pytest.fail("the block must not run")

    assert [path.name for path in (tmp_path / "models").iterdir()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS])
def test_file_systems_without_exchange_get_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Some network file systems cannot exchange two folders; the new one still takes the old one's place."""

    class Refusing:
        @staticmethod
        def renameat2(*_: object) -> int:
            ctypes.set_errno(code)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Refusing)
    for content in ("old", "new"):
        with atomic_directory(tmp_path / "models", force=True) as temporary:
            (temporary / content).touch()

    assert [path.name for path in (tmp_path / "models").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_refused_write_is_said(tmp_path: Path) -> None:
    """A path below a file cannot be written; the message names it."""
    (tmp_path / "file").touch()

    with pytest.raises(OutputFailed, match="output"), atomic_file(tmp_path / "file" / "output"):
        pytest.fail("the block must not run")
