"""A folder with every package of some environments, for machines without a package index.

    ./scripts/nox -s wheelhouse -- wheelhouse                       # where there is an index
    export PIP_NO_INDEX=1 PIP_FIND_LINKS=/srv/wheelhouse            # where there is none: then everything works

The locks decide by hash what is downloaded, and again what is installed, so the folder need not be trusted. It suits
machines of the same architecture and Python as the one that made it.
"""

import platform
import subprocess
import sys
from pathlib import Path

from ci.arguments import ArgumentParser
from ci.environments import ENVIRONMENTS, clean_variables, pip_arguments
from ci.errors import EnvironmentFailed
from ci.interpreter import Interpreter

__all__ = ["main"]

NOX = "nox"  # what scripts/nox installs; not one of the environments, but the way to all of them
DEFAULT = ("runtime", "export")
"""What takes a checkpoint from .nemo to the verdict on its server."""


def main(argv: list[str]) -> int:
    """Downloads the packages; those that are in the folder already are not downloaded again.

    Raises:
        EnvironmentFailed: A package cannot be had, or is not what its lock says.
    """
    parser = ArgumentParser(prog="nox -s wheelhouse --", description="Downloads what environments are made of.")
    parser.add_argument("folder", type=Path, help="where to; made if it is not there")
    parser.add_argument(
        "environments", nargs="*", metavar="ENVIRONMENT", help=f"which (default: {' '.join(DEFAULT)}; there are more)"
    )
    options = parser.parse_args(argv)
    wanted = options.environments or DEFAULT
    strange = [name for name in wanted if name not in ENVIRONMENTS]
    if strange:
        raise EnvironmentFailed(f"no environment is called {strange[0]!r}", fix=f"one of: {', '.join(ENVIRONMENTS)}")
    interpreter = Interpreter.current() or Interpreter.on_path()
    locks = dict.fromkeys([NOX, *(lock for name in wanted for lock in ENVIRONMENTS[name].locks)])
    options.folder.mkdir(parents=True, exist_ok=True)
    for lock in locks:
        print(f"Downloading {lock.format(python=interpreter.minor)}", file=sys.stderr, flush=True)
        _download(options.folder, pip_arguments(lock, interpreter))
    files = [path for path in options.folder.iterdir() if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    machine = f"Python {interpreter.minor} on {platform.machine()}"
    print(f"{len(files)} packages, {size / 1e9:.1f} GB, for {', '.join(wanted)} with {machine}")
    print(f"export PIP_NO_INDEX=1 PIP_FIND_LINKS={options.folder.resolve()}")
    return 0


def _download(folder: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder), *arguments]
    variables = {**clean_variables(), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    done = subprocess.run(command, env=variables, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        said = "\n    ".join(done.stderr.splitlines()[-12:])
        raise EnvironmentFailed(
            f"downloading ended with {done.returncode}",
            why=f"its last lines were:\n    {said}",
            fix="check the network and the proxy (HTTPS_PROXY); what is there already is not downloaded again",
        )


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
