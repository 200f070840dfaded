"""Which Python the environments are made from: 3.11 or 3.12, for which Triton and NeMo have wheels."""

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ci.errors import EnvironmentFailed

__all__ = ["PYTHONS", "Interpreter"]

PYTHONS = ((3, 11), (3, 12))


@dataclass(frozen=True)
class Interpreter:
    """A Python from which environments are made.

    Attributes:
        path: The executable itself, behind any link or shim.
        version: Major, minor and patch.
    """

    path: Path
    version: tuple[int, int, int]

    @classmethod
    def current(cls) -> "Interpreter | None":
        """The Python below the one that runs this, if its version will do; environments never nest."""
        if sys.version_info[:2] not in PYTHONS:
            return None
        base = Path(getattr(sys, "_base_executable", sys.executable))
        return cls(base.resolve(), sys.version_info[:3])

    @classmethod
    def on_path(cls) -> "Interpreter":
        """The newest suitable Python there is; for `uvx nox` and `pipx run nox`, which may run on any.

        Raises:
            EnvironmentFailed: There is none.
        """
        for minor in (12, 11):
            path = shutil.which(f"python3.{minor}")
            if path is None:
                continue
            ask = "import os, sys; print(sys.version_info[2], os.path.realpath(sys._base_executable))"
            answer = subprocess.run([path, "-c", ask], capture_output=True, text=True, check=False)
            if answer.returncode == 0:  # a version manager's shim may be there without its Python
                patch, base = answer.stdout.rstrip("\n").split(" ", 1)
                return cls(Path(base), (3, minor, int(patch)))
        raise EnvironmentFailed(
            f"Python {platform.python_version()} runs nox, and neither python3.12 nor python3.11 is on the path",
            why="Triton and NeMo have wheels for Python 3.11 and 3.12",
            fix="sudo apt-get install python3 python3-venv, or use ./scripts/nox",
        )

    @property
    def minor(self) -> str:
        """Such as `3.11`."""
        return f"{self.version[0]}.{self.version[1]}"
