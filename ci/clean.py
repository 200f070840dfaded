"""Frees the disk: removes what this repository made and can make again, and says how much that was.

Environments that no lock asks for any more always go; the current ones only with `--all`.
"""

import shutil
import sys
from pathlib import Path

from ci import environments
from ci.arguments import ArgumentParser

__all__ = ["main"]

OUTPUTS = ("build", ".cache", ".nox", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis")


def main(argv: list[str]) -> int:
    """Removes outputs and stale environments; with `--all`, the current environments as well."""
    parser = ArgumentParser(prog="nox -s clean --", description="Frees the disk.")
    parser.add_argument(
        "--all", action="store_true", help="remove the current environments too; they take minutes to make"
    )
    everything = parser.parse_args(argv).all
    freed = 0
    for path in _removable(everything=everything):
        size = _size(path)
        freed += size
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        print(f"removed {path.relative_to(environments.ROOT)} ({size / 1e6:.0f} MB)")
    print(f"{freed / 1e6:.0f} MB freed")
    return 0


def _removable(*, everything: bool) -> list[Path]:
    root, folder = environments.ROOT, environments.FOLDER
    outputs = [root / name for name in OUTPUTS if (root / name).exists()]
    current = {environments.find(name) for name in environments.ENVIRONMENTS}
    # nox runs from an environment in the same folder while this happens, so that one stays
    stale = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.is_dir() and not path.name.startswith("nox-") and (everything or path not in current)
    ]
    return [*outputs, *stale]


def _size(path: Path) -> int:
    """Bytes on the disk below `path`; a file with two names counts once."""
    seen: dict[int, int] = {}
    for entry in (path, *path.rglob("*")):
        status = entry.lstat()
        seen[status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
