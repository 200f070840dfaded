"""Where the parts of Triton are on this machine, and what they need around them to run.

The binary is the one that the nvidia-pytriton wheel carries. It loads the Python backend only where the stub for this
interpreter stands beside the backend, and the stub needs the interpreter's shared library; both are arranged here,
without changing the wheel.
"""

import ctypes
import importlib.util
import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import TritonMissing
from pipelines.malloc import KEEP_MEMORY

__all__ = ["Installation", "environment", "find_installation", "lay_out_backend"]

_STUB = "triton_python_backend_stub"


@dataclass(frozen=True)
class Installation:
    """The binary, the Python backend's folder, the stub for this Python version, and folders of shared libraries."""

    binary: Path
    backend: Path
    stub: Path
    libraries: tuple[Path, ...]


def find_installation() -> Installation:
    """Finds Triton in this environment.

    Raises:
        TritonMissing: The wheel, a part of it or the interpreter's shared library is not there.
    """
    spec = importlib.util.find_spec("pytriton")
    if spec is None or spec.origin is None:
        raise TritonMissing(
            "the Triton Inference Server is not installed",
            "the package nvidia-pytriton, which carries it, is missing from this environment",
            "install the extra `runtime` of this project",
        )
    package = Path(spec.origin).parent
    root = package / "tritonserver"
    stub = root / "python_backend_stubs" / f"{sys.version_info.major}.{sys.version_info.minor}" / _STUB
    binary, backend = root / "bin" / "tritonserver", root / "backends" / "python"
    for part in (binary, backend, stub):
        if not part.exists():
            raise TritonMissing(
                f"{part} is missing",
                "the nvidia-pytriton wheel is damaged, or has no Python backend for this Python version",
                "install nvidia-pytriton again",
            )
    return Installation(binary, backend, stub, (package.parent / "nvidia_pytriton.libs", *_libpython()))


def _libpython() -> tuple[Path, ...]:
    """The folders that hold the interpreter's shared library, or none where the system's loader finds it."""
    name = f"libpython{sys.version_info.major}.{sys.version_info.minor}.so.1.0"
    folders = [
        Path(sys.prefix) / "lib" / "libpython",  # a private copy, made where the system has none
        Path(str(sysconfig.get_config_var("LIBDIR") or sys.prefix)),
        Path(sys.base_prefix) / "lib",
    ]
    for folder in folders:
        if (folder / name).exists():
            return (folder,)
    try:
        ctypes.CDLL(name)
    except OSError as error:
        raise TritonMissing(
            f"{name} is missing",
            "Triton runs models in this Python, whose shared library is a package of its own on Debian and Ubuntu",
            f"install {name.split('.so')[0]} with the system's package manager, or set the environment up with nox",
        ) from error
    return ()


def lay_out_backend(installation: Installation, folder: Path) -> None:
    """Makes a backend folder in which the stub of this Python version stands beside the backend."""
    python = folder / "python"
    python.mkdir()
    for part in ("libtriton_python.so", "triton_python_backend_utils.py"):
        (python / part).symlink_to(installation.backend / part)
    shutil.copy(installation.stub, python / _STUB)


def environment(installation: Installation) -> dict[str, str]:
    """Returns the variables that Triton runs with. The stub finds its packages through the first `python3` of PATH.

    Models run side by side, one stub each; numpy's matrix products must not each take every core.
    """
    libraries = [*map(str, installation.libraries), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    path = os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ.get("PATH", os.defpath)])
    return {
        "OPENBLAS_NUM_THREADS": "1",
        **KEEP_MEMORY,
        **os.environ,
        "PATH": path,
        "LD_LIBRARY_PATH": os.pathsep.join(libraries),
    }
