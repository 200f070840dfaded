"""The locks answer for pyproject.toml, on both architectures and both Pythons, and name nobody's machine."""

import re
import subprocess
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from ci.environments import ENVIRONMENTS, LOCKS, ready
from ci.lock import RESOLVED, SOURCE_ONLY, requirements

PYTHONS = ("3.11", "3.12")
PIN = re.compile(r"^(?P<name>[a-z0-9._-]+)==(?P<version>\S+) \\$", re.MULTILINE)
NAMES = sorted(RESOLVED)


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((LOCKS / f"{lock}.txt").read_text()))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", NAMES)
def test_lock_satisfies_pyproject(name: str, python: str) -> None:
    """Whoever changes pyproject.toml and forgets `nox -s lock` hears of it here."""
    locked = {
        pin: version for each in ENVIRONMENTS[name].locks for pin, version in pins(each.format(python=python)).items()
    }
    for requirement in map(Requirement, requirements(RESOLVED[name])):
        version = locked.get(re.sub(r"[-_.]+", "-", requirement.name).lower())
        assert version is not None, f"{requirement} is not in {name}-{python}.txt; run nox -s lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} but {version} is locked"


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_pin_has_hashes_and_no_address(path: Path) -> None:
    """Each pin has a sha256, and no lock names an index: where packages come from is the machine's affair."""
    text = path.read_text()
    entries = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]

    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    assert "--index" not in text


@pytest.mark.parametrize("python", PYTHONS)
def test_environments_share_what_they_run(python: str) -> None:
    """Tests and benchmarks run the versions that are served."""
    for name in ("dev", "bench"):
        assert pins(f"runtime-{python}").items() <= pins(f"{name}-{python}").items()


@pytest.mark.network
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(("name", "platform"), [(name, each) for name in NAMES for each in RESOLVED[name].platforms])
def test_resolves_with_binary_wheels(name: str, python: str, platform: str, tmp_path: Path) -> None:
    """The index has a wheel for every pin, wherever it is for, and still publishes what was locked."""
    locked = (LOCKS / f"{name}-{python}.txt").read_text()
    (tmp_path / "pins.in").write_text("\n".join(f"{name}=={version}" for name, version in PIN.findall(locked)))
    command = [
        *(ready("lock") / "bin" / "python", "-m", "uv", "pip", "compile", "--no-config", "--quiet", "--no-deps"),
        *("--generate-hashes", "--no-header", "--no-annotate", "--only-binary", ":all:"),
        *("--python-version", python, "--python-platform", platform, tmp_path / "pins.in"),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stderr
    assert set(re.findall(r"sha256:\w+", locked)) <= set(re.findall(r"sha256:\w+", answer.stdout))


def test_packages_without_wheels_are_few_and_known() -> None:
    """Only the packages named in ci/lock.py are built from source."""
    built = {
        name for path in LOCKS.glob("*-source-*.txt") for name in re.findall(r"(?m)^([a-z0-9-]+)==", path.read_text())
    }

    assert built == SOURCE_ONLY


def test_every_environment_has_its_locks() -> None:
    """No environment asks for a lock that is not there; those of the newest versions are made on the day."""
    wanted = {lock.format(python=python) for each in ENVIRONMENTS.values() for lock in each.locks for python in PYTHONS}
    wanted = {name for name in wanted if not name.startswith("newest/")}

    assert {name for name in wanted if not (LOCKS / f"{name}.txt").exists()} == set()
