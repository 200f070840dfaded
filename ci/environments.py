"""The Python environments of the stages: installed from locks with hashes, once, and found again by digest.

An environment is a folder `.environments/<name>-<Python>-<digest>`. The digest covers its locks and how they are
installed, so a changed lock makes a new folder and an unchanged one costs a few file reads: no pip, no process.
Standard library only, because nox itself imports this module from whatever environment it lives in.

    python -m ci.environments runtime       # prints the folder, setting it up first if need be
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ci import libpython, npm
from ci.errors import EnvironmentFailed
from ci.installed import differences
from ci.interpreter import Interpreter

__all__ = [
    "ENVIRONMENTS",
    "ROOT",
    "Environment",
    "clean_variables",
    "find",
    "identity",
    "pip_arguments",
    "ready",
    "search_path",
]

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".environments"
LOCKS = ROOT / "ci" / "locks"

TORCH_INDEX_VARIABLE = "RIVA_CI_TORCH_INDEX"
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class Environment:
    """What an environment is made of.

    Attributes:
        locks: Names of the lock files, installed in this order; `{python}` stands for the version, such as 3.11.
        size: What a person should expect before the first set-up.
        triton: Whether Triton's Python backend runs here, which needs a shared libpython.
        project: Whether this project is installed, editable.
        node: Whether the npm packages of `ci/node` are installed as well.
    """

    locks: tuple[str, ...]
    size: str
    triton: bool = False
    project: bool = True
    node: bool = field(default=False, repr=False)  # the packages themselves are in the digest


ENVIRONMENTS = {
    "runtime": Environment(("runtime-{python}",), "0.6 GB", triton=True),
    "dev": Environment(("dev-{python}",), "0.7 GB", triton=True),
    "export": Environment(("torch-cpu", "export-{python}", "export-source-{python}"), "2.2 GB"),
    "bench": Environment(("bench-{python}",), "0.7 GB", triton=True),
    "oldest-client": Environment(("oldest-client-{python}",), "0.1 GB", project=False),
    "samples-nlp": Environment(
        ("torch-cpu", "samples-nlp-{python}", "samples-nlp-source-{python}"), "2.3 GB", project=False
    ),
    "node": Environment(("node-{python}",), "0.2 GB", project=False, node=True),
    "lint": Environment(("lint-{python}",), "0.1 GB", project=False),
    "lock": Environment(("lock-{python}",), "0.1 GB"),
    "minimums": Environment(("minimums-{python}",), "0.6 GB", triton=True),
    # their locks are made by ci/newest.py on the day and belong to no commit
    "newest": Environment(("newest/dev-{python}",), "0.7 GB", triton=True),
    "newest-nemo": Environment(("torch-cpu", "newest/export-{python}", "newest/export-source-{python}"), "2.2 GB"),
}

_WHEELS = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
# Packages that publish no wheel; built with the locked setuptools instead of whatever is newest that day.
_SOURCE = ("--no-deps", "--require-hashes", "--no-build-isolation", "--use-pep517")
_PIP_OPTIONS = {
    # PyTorch's CPU build has an index of its own. Few retries: where it cannot be reached, pip falls through to the
    # links and indexes of its own configuration, and the hashes decide what is accepted.
    "torch-cpu": (*_WHEELS, "--retries", "1", "--timeout", "20", "--index-url", "{torch_index}"),
    "export-source": _SOURCE,
    "samples-nlp-source": _SOURCE,
}


def find(name: str) -> Path | None:
    """The folder of an environment if it is ready to use, otherwise None; starts no process."""
    interpreter = Interpreter.current()
    if interpreter is None or not all(_lock_file(lock, interpreter).exists() for lock in ENVIRONMENTS[name].locks):
        return None
    folder = _folder(name, interpreter)
    return folder if _is_ready(folder) else None


def ready(name: str) -> Path:
    """The folder of an environment, set up first if it is not there.

    Raises:
        EnvironmentFailed: No suitable Python, no venv module, a package cannot be had, the disk is full, or somebody
            changed a package in it since.
    """
    interpreter = Interpreter.current() or Interpreter.on_path()
    folder = _folder(name, interpreter)
    if _is_ready(folder):
        _check_unchanged(name, folder, interpreter)
        return folder
    with _one_at_a_time(FOLDER / f"{name}.lock", name):
        if not _is_ready(folder):  # another run may have made it while we waited
            _set_up(name, folder, interpreter)
    return folder


def identity(name: str) -> str:
    """A digest of what an environment holds, the same on every machine of the same kind; part of the key of outputs."""
    interpreter = Interpreter.current() or Interpreter.on_path()
    return _digest(name, interpreter, (platform.machine(), interpreter.minor))


def clean_variables() -> dict[str, str]:
    """This process's environment without what would make one Python see the packages of another."""
    foreign = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in foreign}


def search_path(folder: Path) -> str:
    """The search path for commands with those of an environment first."""
    return os.pathsep.join((str(folder / "bin"), os.environ.get("PATH", os.defpath)))


def _folder(name: str, interpreter: Interpreter) -> Path:
    return FOLDER / f"{name}-{interpreter.minor}-{_digest(name, interpreter, (platform.machine(), interpreter))[:12]}"


def _digest(name: str, interpreter: Interpreter, machine: tuple[object, ...]) -> str:
    digest = hashlib.sha256(repr((machine, ENVIRONMENTS[name], _PIP_OPTIONS)).encode())
    for lock in ENVIRONMENTS[name].locks:
        digest.update(_lock_file(lock, interpreter).read_bytes())
    if ENVIRONMENTS[name].node:
        for file in npm.FILES:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _lock_file(lock: str, interpreter: Interpreter) -> Path:
    return LOCKS / f"{lock.format(python=interpreter.minor)}.txt"


def _stamp() -> str:
    """What an environment remembers of the project: where it is installed from, and its entry points."""
    return f"{ROOT} {hashlib.sha256((ROOT / 'pyproject.toml').read_bytes()).hexdigest()}\n"


def _is_ready(folder: Path) -> bool:
    try:
        return (folder / "ready").read_text() == _stamp() and (folder / "bin" / "python").exists()
    except FileNotFoundError:
        return False


def _set_up(name: str, folder: Path, interpreter: Interpreter) -> None:
    python = folder / "bin" / "python"
    started = time.monotonic()
    with _Log(name, folder.with_suffix(f"{folder.suffix}.log")) as log:
        moved = (folder / "ready").exists() and not (folder / "ready").read_text().startswith(f"{ROOT} ")
        if moved or not (folder / "installed").exists() or not python.exists():
            shutil.rmtree(folder, ignore_errors=True)
            log.say(f"Setting up the {name} environment ({ENVIRONMENTS[name].size}, once)")
            _make_venv(folder, interpreter, log)
            for lock in ENVIRONMENTS[name].locks:
                log.run(python, "-m", "pip", "install", *pip_arguments(lock, interpreter))
            log.run(python, "-m", "pip", "check")
            if ENVIRONMENTS[name].node:
                npm.provide(folder, run=log.run)
            (folder / "installed").touch()
        if ENVIRONMENTS[name].project:
            log.run(python, "-m", "pip", "install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        if ENVIRONMENTS[name].triton:
            libpython.provide(python, folder / "lib" / "libpython", run=log.run)
        temporary = folder / "ready.partial"
        temporary.write_text(_stamp())
        temporary.replace(folder / "ready")
        log.say(f"The {name} environment is ready after {time.monotonic() - started:.0f} s")


def _check_unchanged(name: str, folder: Path, interpreter: Interpreter) -> None:
    changed = differences(folder, [_lock_file(lock, interpreter) for lock in ENVIRONMENTS[name].locks])
    if changed:
        raise EnvironmentFailed(
            f"the {name} environment is not what its locks say: {'; '.join(changed[:5])} [environment-as-locked]",
            why="a package was installed into it by hand; what fails with it fails with an error about something else",
            fix=f"rm -r {folder} and run again; what you need besides belongs in pyproject.toml (nox -s lock)",
        )


def _make_venv(folder: Path, interpreter: Interpreter, log: "_Log") -> None:
    probe = subprocess.run([interpreter.path, "-c", "import ensurepip, venv"], capture_output=True, check=False)
    if probe.returncode != 0:
        raise EnvironmentFailed(
            f"{interpreter.path} cannot make environments: its venv module is not installed",
            fix=f"sudo apt-get install python{interpreter.minor}-venv",
        )
    log.run(interpreter.path, "-m", "venv", str(folder))


def pip_arguments(lock: str, interpreter: Interpreter) -> list[str]:
    """How pip takes the packages of a lock, be it to install or to download them: options and the file."""
    torch_index = os.environ.get(TORCH_INDEX_VARIABLE, TORCH_INDEX)
    options = _PIP_OPTIONS.get(Path(lock).name.removesuffix("-{python}"), _WHEELS)
    file = str(_lock_file(lock, interpreter))
    return [*(option.format(torch_index=torch_index) for option in options), "--requirement", file]


class _Log:
    """Runs installers: what they say goes to a file, and its end into the error when they fail."""

    def __init__(self, name: str, path: Path) -> None:
        self._name, self._path = name, path

    def __enter__(self) -> "_Log":
        self._file = self._path.open("wb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def say(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    def run(self, *command: str | Path) -> None:
        self._file.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        self._file.flush()
        variables = {**clean_variables(), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
        code = subprocess.run(
            command, stdout=self._file, stderr=subprocess.STDOUT, env=variables, check=False
        ).returncode
        if code != 0:
            end = self._path.read_text(errors="replace").splitlines()[-12:]
            raise EnvironmentFailed(
                f"setting up the {self._name} environment failed: {command[0]} ended with {code}",
                why="its last lines were:\n    " + "\n    ".join(end),
                fix=f"the whole log is {self._path}; a run after the cause is gone starts afresh",
            )


@contextmanager
def _one_at_a_time(lock: Path, name: str) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Waiting for another run that sets up the {name} environment", file=sys.stderr, flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def main(argv: list[str]) -> int:
    """Prints the folders of the environments named, one a line."""
    for name in argv:
        if name not in ENVIRONMENTS:
            raise EnvironmentFailed(f"no environment is called {name!r}", fix=f"one of: {', '.join(ENVIRONMENTS)}")
        print(ready(name))
    return 0


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
