"""The two halves of the tests: modules that need NeMo run in the export environment, all others in the dev environment.

A module says so itself, with `pytestmark = pytest.mark.export`. Neither environment can import the other's modules, so
that a path on the command line goes to the half that it belongs to.
"""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["HALVES", "asked_of", "needs_nemo"]

HALVES = {"dev": "not export", "export": "export"}  # the marks that an environment's pytest selects


def needs_nemo(module: Path) -> bool:
    """Whether a module of tests is for the export environment."""
    return "pytestmark = pytest.mark.export" in module.read_text(encoding="utf-8").splitlines()


def asked_of(environment: str, arguments: Sequence[str]) -> list[str] | None:
    """The arguments of pytest without the paths of the other half; None if that was all the paths there were.

    Args:
        environment: `dev` or `export`.
        arguments: Options, and paths of files, folders or single tests (`PATH::NAME`).
    """
    paths = [argument for argument in arguments if _path(argument).exists()]
    ours = [path for path in paths if any(needs_nemo(m) == (environment == "export") for m in _modules(_path(path)))]
    if paths and not ours:
        return None
    return [argument for argument in arguments if argument not in paths or argument in ours]


def _path(argument: str) -> Path:
    return Path(argument.partition("::")[0])


def _modules(path: Path) -> list[Path]:
    return [path] if path.is_file() else [*path.rglob("test_*.py")]
