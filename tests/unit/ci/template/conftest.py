"""A template, and a repository that was made from it with "Use this template"."""

import shutil
from pathlib import Path

import pytest

from tests.unit.ci.template.repositories import FILES, PERSON, Repository


@pytest.fixture(autouse=True)
def _only_our_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has configured for git changes nothing."""
    for name, value in PERSON.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template, two commits old, and the other with the same files and no history of it, as GitHub makes it."""
    folder = tmp_path_factory.mktemp("repositories")
    template = Repository(folder / "template")
    template.write({"README.md": "A template.\n"}, "Begin")
    template.write(dict(FILES), "Write the first version")
    shutil.copytree(template.folder, folder / "fork", ignore=shutil.ignore_patterns(".git"))
    Repository(folder / "fork").write({}, "Initial commit")
    return folder


@pytest.fixture
def template(made: Path, tmp_path: Path) -> Repository:
    shutil.copytree(made / "template", tmp_path / "template")
    return Repository(tmp_path / "template")


@pytest.fixture
def fork(made: Path, tmp_path: Path) -> Repository:
    shutil.copytree(made / "fork", tmp_path / "fork")
    return Repository(tmp_path / "fork")
