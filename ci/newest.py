"""Locks of the newest versions there are today, for `nox -s newest` and `nox -s newest-nemo`; says what is newer.

What the committed locks pin is what was proven. These locks are made for this machine only, on the day, into
`ci/locks/newest/`, which git ignores. Exact pins of pyproject.toml are lifted; torch alone stays what `torch-cpu.txt`
says, because it comes from an index of its own.
"""

import platform
import sys
from dataclasses import replace

from ci.arguments import ArgumentParser
from ci.environments import LOCKS
from ci.lock import PLATFORMS, RESOLVED, compile_lock, pins, write

__all__ = ["main"]

LOCKED = ("dev", "export")


def main(argv: list[str]) -> int:
    """Resolves one of `LOCKED` afresh and prints each version that differs from the committed lock.

    Raises:
        LockFailed: The newest versions do not fit together, or the index cannot be reached.
    """
    parser = ArgumentParser(prog="python -m ci.newest", description="Locks the newest versions for an environment.")
    parser.add_argument("name", choices=LOCKED, help="the environment whose packages are wanted")
    name = parser.parse_args(argv).name
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    here = next(each for each in PLATFORMS if each.startswith(platform.machine()))
    newest = replace(RESOLVED[name], same_as=None, newest=True)
    text = compile_lock(f"newest/{name}-{python}", newest, python, here, upgrade=True)
    write(f"newest/{name}-{python}", text)
    locked = "".join(path.read_text(encoding="utf-8") for path in LOCKS.glob(f"{name}*-{python}.txt"))
    for line in differences(pins(locked), pins(text)):
        print(line)
    return 0


def differences(locked: list[str], newest: list[str]) -> list[str]:
    """A line for each package whose newest version is not the locked one, or that is no longer or newly needed."""
    before, after = (dict(each.split("==") for each in some) for some in (locked, newest))
    return [
        f"{name}: {before.get(name, 'not needed')} -> {after.get(name, 'not needed')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
