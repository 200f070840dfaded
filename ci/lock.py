"""Makes the locks of `ci/locks` from pyproject.toml with `uv pip compile`; run by `nox -s lock`.

Existing pins are kept where they still satisfy pyproject.toml; `--upgrade` takes the newest of everything. Only wheels
are accepted. Two kinds of package need a word:

- torch: PyPI's wheel for x86-64 brings 4 GB of CUDA, so the CPU build of PyTorch's own index is locked by hand in
  `torch-cpu.txt`, and here only what that wheel requires takes part in the resolution.
- packages that publish no wheel (`SOURCE_ONLY`): locked in a file of their own, because they are installed differently.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from ci.arguments import ArgumentParser
from ci.environments import LOCKS, ROOT
from ci.errors import LockFailed
from ci.interpreter import PYTHONS

__all__ = ["PLATFORMS", "RESOLVED", "SOURCE_ONLY", "Lock", "compile_lock", "main", "pins", "requirements", "write"]

# The oldest system we promise is Debian 12 (glibc 2.36); the Triton wheel asks for 2.35.
PLATFORMS = ("x86_64-manylinux_2_36", "aarch64-manylinux_2_36")

# Pure Python, published as source only. The first is required by NeMo through omegaconf 2.3 (4.9.3), the others by the
# old NeMo that trains the punctuation sample.
SOURCE_ONLY = frozenset({"antlr4-python3-runtime", "jieba", "rouge-score", "wget"})


@dataclass(frozen=True)
class Lock:
    """How a lock is resolved.

    Attributes:
        extras: Extras of pyproject.toml.
        groups: Dependency groups of pyproject.toml.
        project: Whether the project's own dependencies belong to it.
        same_as: A lock whose versions this one must share.
        torch: Whether torch is installed before it, from a lock of its own.
        lowest: Whether what pyproject.toml names is locked at the oldest version that it claims.
        newest: Whether exact pins of pyproject.toml are lifted: its newest versions are wanted, whatever was proven.
        platforms: Where it can be installed.
    """

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    project: bool = True
    same_as: str | None = None
    torch: bool = False
    lowest: bool = False
    newest: bool = False
    platforms: tuple[str, ...] = PLATFORMS


RESOLVED = {
    "node": Lock(groups=("node",), project=False),
    "lint": Lock(groups=("workflows",), project=False, platforms=PLATFORMS[:1]),
    "lock": Lock(groups=("lock", "build"), project=False),
    "runtime": Lock(extras=("runtime",), groups=("build",)),
    "dev": Lock(extras=("runtime",), groups=("build", "test", "lint"), same_as="runtime"),
    "bench": Lock(extras=("runtime",), groups=("build", "test", "bench"), same_as="runtime"),
    "oldest-client": Lock(groups=("oldest-client",), project=False),
    "export": Lock(extras=("export",), groups=("build", "test"), torch=True),
    "minimums": Lock(extras=("runtime",), groups=("build", "test"), lowest=True),
    "samples-nlp": Lock(groups=("samples-nlp", "build", "test"), project=False, torch=True),
}


def main(argv: list[str]) -> int:
    """Writes the locks; prints those that changed.

    Raises:
        LockFailed: There is no solution, the architectures differ, or the index cannot be reached.
    """
    parser = ArgumentParser(prog="nox -s lock --", description="Makes the locks of ci/locks.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions instead of keeping pins")
    upgrade = parser.parse_args(argv).upgrade
    _replace("nox", _resolve("nox", Lock(groups=("nox",), project=False), "3.11", upgrade=upgrade))
    for python in (f"{major}.{minor}" for major, minor in PYTHONS):
        for name, lock in RESOLVED.items():
            # a floor that was lowered must be seen, which a pin that was kept would hide
            text = _resolve(f"{name}-{python}", lock, python, upgrade=upgrade or lock.lowest)
            write(f"{name}-{python}", text)
    return 0


def _resolve(name: str, lock: Lock, python: str, *, upgrade: bool) -> str:
    """The text of a lock, which must be the same on every architecture that it is for."""
    first, *others = (compile_lock(name, lock, python, platform, upgrade=upgrade) for platform in lock.platforms)
    for platform, other in zip(lock.platforms[1:], others, strict=True):
        if other != first:
            differing = sorted(set(pins(first)) ^ set(pins(other)))
            raise LockFailed(
                f"{name} differs between {PLATFORMS[0]} and {platform}: {', '.join(differing)}",
                why="a package has wheels of a version for one of them only",
                fix="pin a version in pyproject.toml that both have",
            )
    return first


def compile_lock(name: str, lock: Lock, python: str, platform: str, *, upgrade: bool) -> str:
    """The text of a lock for one architecture.

    Args:
        name: Its name, whose pins are kept unless `upgrade`.
        lock: What belongs to it.
        python: The version of Python, such as 3.11.
        platform: As uv calls it, one of `PLATFORMS`.
        upgrade: Whether to take the newest versions instead of keeping pins.

    Raises:
        LockFailed: No versions fit together, or the package index cannot be reached.
    """
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "lock.txt"
        current = LOCKS / f"{name}.txt"
        if current.exists() and not upgrade:
            source = LOCKS / f"{name.removesuffix(python)}source-{python}.txt"
            output.write_text(current.read_text() + (source.read_text() if source.exists() else ""))
        command = [
            *(sys.executable, "-m", "uv", "pip", "compile", "--no-config", "--quiet"),
            *("--python-version", python, "--python-platform", platform),
            *("--generate-hashes", "--no-header", "--no-annotate", "--only-binary", ":all:"),
            *(f"--no-binary={package}" for package in sorted(SOURCE_ONLY)),
            *(["--upgrade"] if upgrade else []),
            *(["--resolution", "lowest-direct"] if lock.lowest else []),
            *(["--constraints", str(LOCKS / f"{lock.same_as}-{python}.txt")] if lock.same_as else []),
            *(_without_exact_pins(lock, Path(temporary)) if lock.newest else _as_declared(lock)),
            *(_without_torch(Path(temporary)) if lock.torch else []),
            *("--output-file", str(output)),
        ]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if answer.returncode != 0:
            raise LockFailed(
                f"{name} cannot be resolved for {platform}",
                why=answer.stderr.strip(),
                fix="change the ranges in pyproject.toml, or check the network",
            )
        return output.read_text()


def _without_torch(folder: Path) -> list[str]:
    (folder / "excluded.txt").write_text("torch\n")
    return [str(LOCKS / "torch-requirements.in"), "--excludes", str(folder / "excluded.txt")]


def _as_declared(lock: Lock) -> list[str]:
    return [
        *(f"--extra={extra}" for extra in lock.extras),
        *(f"--group={group}" for group in lock.groups),
        *(["pyproject.toml"] if lock.project else []),
    ]


def _without_exact_pins(lock: Lock, folder: Path) -> list[str]:
    """What pyproject.toml declares, with `>=` for `==`; upper ends stay, because they say what cannot work."""
    declared = "\n".join(requirements(lock)).replace("==", ">=")
    (folder / "lifted.in").write_text(f"{declared}\n")
    return [str(folder / "lifted.in")]


def requirements(lock: Lock) -> list[str]:
    """What pyproject.toml asks for where this lock is used."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [
        *(declared["project"]["dependencies"] if lock.project else []),
        *(each for extra in lock.extras for each in declared["project"]["optional-dependencies"][extra]),
        *(each for group in lock.groups for each in declared["dependency-groups"][group]),
    ]


def _split(text: str) -> tuple[str, str]:
    """Takes the packages without wheels out of a lock; returns what remains and what was taken."""
    entries = re.split(r"(?m)^(?=\S)", text)
    source = [entry for entry in entries if entry.split("==")[0] in SOURCE_ONLY]
    return "".join(entry for entry in entries if entry not in source), "".join(source)


def pins(text: str) -> list[str]:
    """The pins of a lock's text, such as `numpy==1.26.4`."""
    return re.findall(r"(?m)^(\S+==\S+)", text)


def write(name: str, text: str) -> None:
    """Writes a lock, packages without wheels into one beside it; says which files changed."""
    wheels, source = _split(text)
    _replace(name, wheels)
    if source:
        stem, _, python = name.rpartition("-")
        _replace(f"{stem}-source-{python}", source)


def _replace(name: str, text: str) -> None:
    path = LOCKS / f"{name}.txt"
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(exist_ok=True)  # of the newest versions, which no commit holds
    temporary = path.with_suffix(".partial")
    temporary.write_text(text)
    temporary.replace(path)
    print(path.relative_to(ROOT))


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
