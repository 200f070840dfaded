"""What is installed is compared with the locks, by the names that package indexes compare."""

from pathlib import Path

import pytest

from ci.installed import differences

LOCK = """\
# made by nox -s lock
grpcio-tools==1.67.1 \\
    --hash=sha256:00
ruamel.yaml==0.18 \\
    --hash=sha256:00
torch==2.13.0+cpu \\
    --hash=sha256:00
windows-only==1 ; sys_platform == 'win32' \\
    --hash=sha256:00
"""
RIGHT = ("grpcio_tools-1.67.1", "ruamel.yaml-0.18", "torch-2.13.0+cpu", "pip-26.1")


def environment(folder: Path, *packages: str) -> Path:
    for package in packages:
        (folder / "lib" / "python3.11" / "site-packages" / f"{package}.dist-info").mkdir(parents=True)
    (folder / "lock.txt").write_text(LOCK)
    return folder


def test_what_the_lock_says_is_right(tmp_path: Path) -> None:
    """Names differ in case and dots; packages besides, and pins for other systems, do not matter."""
    assert differences(environment(tmp_path, *RIGHT), [tmp_path / "lock.txt"]) == []


@pytest.mark.parametrize(
    ("packages", "said"),
    [
        ((*RIGHT[:2], "torch-2.14.0"), "torch is 2.14.0, the lock says 2.13.0+cpu"),
        (RIGHT[1:], "grpcio-tools is missing, the lock says 1.67.1"),
    ],
    ids=["upgraded", "missing"],
)
def test_what_differs_is_named(tmp_path: Path, packages: tuple[str, ...], said: str) -> None:
    """With the version that is there, and the one that should be."""
    assert differences(environment(tmp_path, *packages), [tmp_path / "lock.txt"]) == [said]
