"""Environments are made once, from what the locks say, and never half."""

import subprocess
import threading
from pathlib import Path

import pytest

from ci import environments, npm
from ci.errors import EnvironmentFailed


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A project of its own with one small lock; the list of the commands that set-up ran, none of which installs."""
    locks = tmp_path / "ci" / "locks"
    locks.mkdir(parents=True)
    for python in ("3.11", "3.12"):
        (locks / f"small-{python}.txt").write_text("one==1 --hash=sha256:00\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'small'\n")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "LOCKS", locks)
    monkeypatch.setattr(environments, "FOLDER", tmp_path / ".environments")
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"small": environments.Environment(("small-{python}",), "1 MB")})
    ran: list[str] = []

    def record(_: object, *command: str | Path) -> None:
        ran.append(" ".join(map(str, command[1:])))
        if command[1:3] == ("-m", "venv"):
            python = Path(command[3]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.touch()
        if "--requirement" in command:
            name, _, version = Path(command[-1]).read_text().split()[0].partition("==")
            packages = Path(command[0]).parents[1] / "lib" / "python3" / "site-packages"
            (packages / f"{name}-{version}.dist-info").mkdir(parents=True)

    monkeypatch.setattr(environments._Log, "run", record)
    return ran


def test_first_use_installs_from_the_lock_with_hashes(commands: list[str]) -> None:
    """The first use makes the environment: hashes required, no source builds, nothing beyond the lock."""
    folder = environments.ready("small")

    install = next(command for command in commands if "small-" in command and "--requirement" in command)
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install
    assert "--no-deps" in install
    assert environments.find("small") == folder


def test_an_environment_whose_lock_is_not_made_yet_is_not_there(commands: list[str]) -> None:
    """Looking for the environment of the newest versions, which no commit locks, is no error."""
    for lock in environments.LOCKS.iterdir():
        lock.unlink()

    assert environments.find("small") is None


def test_second_use_runs_nothing(commands: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment whose digest matches is used at once: no process is started."""
    first = environments.ready("small")
    commands.clear()
    monkeypatch.setattr(subprocess, "run", None)

    assert environments.ready("small") == first
    assert commands == []


def test_changed_lock_makes_another_environment(commands: list[str]) -> None:
    """A changed lock is installed beside the old environment, never into it."""
    first = environments.ready("small")
    for lock in environments.LOCKS.iterdir():
        lock.write_text("one==2 --hash=sha256:00\n")

    assert environments.find("small") is None
    assert environments.ready("small") != first


def test_changed_npm_lock_makes_another_environment(
    commands: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The packages of Node are as much part of the environment as those of Python."""
    lock = tmp_path / "package-lock.json"
    lock.write_text("{}")
    monkeypatch.setattr(npm, "FILES", (lock,))
    monkeypatch.setattr(npm, "provide", lambda folder, run: run("npm", "ci"))
    small = environments.Environment(("small-{python}",), "1 MB", node=True)
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"small": small})

    first = environments.ready("small")
    assert "ci" in commands
    lock.write_text('{"lockfileVersion": 3}')
    assert environments.find("small") is None
    assert environments.ready("small") != first


def test_changed_entry_points_are_installed_again_without_the_packages(commands: list[str]) -> None:
    """A changed pyproject.toml costs the editable install only."""
    folder = environments.ready("small")
    commands.clear()
    (environments.ROOT / "pyproject.toml").write_text("[project]\nname = 'smaller'\n")

    assert environments.ready("small") == folder
    assert len(commands) == 1
    assert "--editable" in commands[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [("one-2.dist-info", "one is 2, the lock says 1"), (None, "one is missing, the lock says 1")],
    ids=["upgraded", "uninstalled"],
)
def test_a_package_changed_by_hand_is_named(commands: list[str], change: str | None, said: str) -> None:
    """Whoever upgrades a package in an environment hears of it before anything runs there, with the rule's id."""
    folder = environments.ready("small")
    (package,) = folder.glob("lib/python*/site-packages/one-1.dist-info")
    package.rmdir() if change is None else package.rename(package.with_name(change))

    with pytest.raises(EnvironmentFailed, match="environment-as-locked") as caught:
        environments.ready("small")
    assert said in caught.value.what
    assert f"rm -r {folder}" in caught.value.fix


def test_failed_set_up_is_never_taken_for_a_ready_one(commands: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure half-way the next use starts afresh."""
    works = environments._Log.run

    def fail_at_install(log: object, *command: str | Path) -> None:
        if "install" in command:
            raise EnvironmentFailed("no network")
        works(log, *command)

    monkeypatch.setattr(environments._Log, "run", fail_at_install)
    with pytest.raises(EnvironmentFailed, match="no network"):
        environments.ready("small")
    assert environments.find("small") is None
    commands.clear()

    monkeypatch.setattr(environments._Log, "run", works)
    environments.ready("small")
    assert "-m venv" in commands[0]


def test_two_runs_at_once_make_it_once(commands: list[str]) -> None:
    """Of two first uses at the same time one installs and the other waits for it."""
    folders: list[Path] = []
    uses = [threading.Thread(target=lambda: folders.append(environments.ready("small"))) for _ in range(2)]
    for use in uses:
        use.start()
    for use in uses:
        use.join()

    assert folders[0] == folders[1]
    assert sum("-m venv" in command for command in commands) == 1


def test_moved_clone_is_set_up_again(commands: list[str], tmp_path: Path) -> None:
    """Scripts of an environment hold absolute paths, so one that came along with a moved clone is made again."""
    folder = environments.ready("small")
    (folder / "ready").write_text((folder / "ready").read_text().replace(str(tmp_path), "/elsewhere"))
    commands.clear()

    environments.ready("small")
    assert "-m venv" in commands[0]


def test_failure_ends_in_what_the_installer_said(tmp_path: Path) -> None:
    """The error carries the last lines of the installer and where the rest is."""
    with environments._Log("small", tmp_path / "small.log") as log, pytest.raises(EnvironmentFailed) as caught:
        log.run("sh", "-c", "echo no matching distribution; exit 3")

    assert "ended with 3" in caught.value.what
    assert "no matching distribution" in caught.value.why
    assert "small.log" in caught.value.fix
