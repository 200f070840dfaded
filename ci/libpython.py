"""Finds the shared library of the interpreter, or fetches it: Triton's Python backend is linked against it.

Debian's and Ubuntu's `python3` is a static program and `python3-venv` does not bring `libpython3.X.so.1.0`. Where it is
missing, the distribution's own package is downloaded and unpacked into the environment, without root and without
touching the system: apt gets private state folders, and `dpkg-deb` only unpacks. apt checks the package's signature
chain against the system's keys as it always does.
"""

import platform
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from ci.errors import EnvironmentFailed

__all__ = ["provide"]

_WHERE = """
import pathlib, sys, sysconfig
name = f"libpython{sys.version_info[0]}.{sys.version_info[1]}.so.1.0"
folders = [sysconfig.get_config_var("LIBDIR") or "", sys.base_prefix + "/lib"]
print(name, next((f for f in folders if f and (pathlib.Path(f) / name).exists()), ""))
"""


def provide(python: Path, into: Path, *, run: Callable[..., None]) -> None:
    """Makes sure that the interpreter's shared library can be found; fills the folder `into` if the system lacks it.

    Args:
        python: The interpreter of the environment.
        into: Where a private copy goes.
        run: Runs a command, raising `EnvironmentFailed` if it fails.

    Raises:
        EnvironmentFailed: The system lacks the library and its package cannot be had.
    """
    answer = subprocess.run([python, "-c", _WHERE], capture_output=True, text=True, check=True)
    name, folder = answer.stdout.rstrip("\n").split(" ", 1)
    if folder or _known_to_loader(name) or (into / name).exists():
        return
    package = name.removesuffix(".so.1.0")
    try:
        _unpack_package(package, name, into, run=run)
    except (EnvironmentFailed, FileNotFoundError) as error:
        raise EnvironmentFailed(
            f"{name} is missing and Debian's package {package} could not be fetched",
            why=f"the Python backend of Triton needs the shared library of Python; {error}",
            fix=f"sudo apt-get install {package}",
        ) from error


def _known_to_loader(name: str) -> bool:
    try:
        cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:  # a system with another loader than glibc's; the copy is then needed
        return False
    return any(line.split(" ", 1)[0] == name for line in map(str.strip, cache.splitlines()))


def _unpack_package(package: str, name: str, into: Path, *, run: Callable[..., None]) -> None:
    with tempfile.TemporaryDirectory(prefix="riva-ci-libpython-") as temporary:
        state = Path(temporary)
        for folder in ("lists/partial", "cache/archives/partial", "tree"):
            (state / folder).mkdir(parents=True)
        private = (
            *("-o", f"Dir::State::Lists={state}/lists"),
            *("-o", f"Dir::Cache={state}/cache"),
            *("-o", "Debug::NoLocking=1"),
            *("-o", "APT::Sandbox::User=root"),  # the private folders belong to us, not to the user _apt
        )
        run("apt-get", *private, "-qq", "update")
        # `apt-get download` writes to the working folder, hence the shell
        run(
            "sh",
            "-c",
            'cd "$1" && shift && exec "$@"',
            "sh",
            temporary,
            "apt-get",
            *private,
            "-qq",
            "download",
            package,
        )
        for archive in state.glob("*.deb"):
            run("dpkg-deb", "-x", str(archive), str(state / "tree"))
        libraries = [path for path in state.glob(f"tree/usr/lib/*/{name}") if path.is_file()]
        if not libraries:
            raise EnvironmentFailed(f"the package {package} holds no {name} for {platform.machine()}")
        into.mkdir(parents=True, exist_ok=True)
        (into / f"{name}.partial").write_bytes(libraries[0].read_bytes())
        (into / f"{name}.partial").replace(into / name)
