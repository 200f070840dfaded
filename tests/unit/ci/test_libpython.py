"""Triton's Python backend finds a shared libpython even where the system has none."""

import sys
from pathlib import Path

import pytest

from ci import libpython
from ci.errors import EnvironmentFailed

NAME = f"libpython{sys.version_info[0]}.{sys.version_info[1]}.so.1.0"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose Python has no shared library."""
    monkeypatch.setattr(libpython, "_WHERE", f"print('{NAME} ')")
    monkeypatch.setattr(libpython, "_known_to_loader", lambda name: False)


def unpack(command: tuple[str, ...]) -> None:
    """What apt-get download and dpkg-deb -x leave behind."""
    if "download" in command:
        (Path(command[4]) / "libpython.deb").touch()
    if command[0] == "dpkg-deb":
        library = Path(command[3]) / "usr/lib/some-linux-gnu" / NAME
        library.parent.mkdir(parents=True)
        library.write_bytes(b"ELF")


@pytest.mark.usefixtures("bare")
def test_package_is_unpacked_privately_once(tmp_path: Path) -> None:
    """Where the library is missing, the distribution's package is unpacked into the environment, without root."""
    commands: list[tuple[str, ...]] = []

    def run(*command: str) -> None:
        commands.append(command)
        unpack(command)

    libpython.provide(Path(sys.executable), tmp_path / "lib", run=run)
    assert (tmp_path / "lib" / NAME).read_bytes() == b"ELF"
    assert all("Dir::State::Lists=" in " ".join(command) for command in commands if "apt-get" in command)

    commands.clear()
    libpython.provide(Path(sys.executable), tmp_path / "lib", run=run)
    assert commands == []


@pytest.mark.usefixtures("bare")
def test_failure_names_the_package(tmp_path: Path) -> None:
    """Where the package cannot be had, the message says what to install."""

    def run(*command: str) -> None:
        raise EnvironmentFailed("apt-get ended with 100")

    with pytest.raises(EnvironmentFailed, match="apt-get install libpython3") as caught:
        libpython.provide(Path(sys.executable), tmp_path / "lib", run=run)
    assert "ended with 100" in caught.value.why


def test_nothing_is_fetched_where_the_system_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python built with its shared library needs nothing."""
    monkeypatch.setattr(libpython, "_WHERE", f"print('{NAME} /usr/lib')")

    libpython.provide(Path(sys.executable), tmp_path / "lib", run=pytest.fail)
    assert not (tmp_path / "lib").exists()
