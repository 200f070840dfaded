"""Labels say which commit an image is of, and never when it was built."""

import subprocess
from pathlib import Path

import pytest

from ci.containers.origin import Origin

WHEN = "2026-11-22T12:00:00+00:00"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for person in ("AUTHOR", "COMMITTER"):
        for name, value in (("NAME", "N"), ("EMAIL", "n@example.org"), ("DATE", WHEN)):
            monkeypatch.setenv(f"GIT_{person}_{name}", value)
    (tmp_path / "file").touch()
    for words in (["init", "-q"], ["add", "file"], ["commit", "-qm", "One"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    return tmp_path


def test_the_time_is_the_commits(clone: Path) -> None:
    """Two builds of one commit have the same labels."""
    origin = Origin.of(clone)

    assert origin.created == WHEN
    assert len(origin.revision) == 40


def test_a_change_that_is_not_committed_shows(clone: Path) -> None:
    """An image of no commit does not claim to be of one."""
    (clone / "file").write_text("changed")

    assert Origin.of(clone).revision.endswith("-dirty")


def test_the_time_may_be_given(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH, as other tools of a reproducible build read it."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")

    assert Origin.of(clone).created == "1970-01-02T00:00:00+00:00"


def test_a_copy_without_history_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As from a source archive."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))  # the folder may lie inside of a clone
    assert Origin.of(tmp_path) == Origin(revision="", time=0, contents_time=0)
