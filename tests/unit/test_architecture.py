"""The house rules that a reader would otherwise have to trust."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.registry import ALL_PIPELINES

ROOT = Path(__file__).parents[2]
SOURCES = [*sorted((ROOT / "pipelines").rglob("*.py")), *sorted((ROOT / "ci").rglob("*.py"))]
ROOMS = [ROOT.joinpath(*room.split(".")) for room in ALL_PIPELINES.values() if room]
NETWORKS = [room / "network.py" for room in ROOMS]
HEAVY = {"torch", "nemo", "onnx", "onnxruntime", "tritonclient", "grpc", "av", "soxr", "numpy", "jiwer", "docker"}
ENTRY_POINTS = [path.stem for path in (ROOT / "pipelines" / "cli").glob("*.py") if "def main(" in path.read_text()]


HELP_THEN_MODULES = """
import importlib, sys
try:
    importlib.import_module("pipelines.cli." + sys.argv[1]).main(["--help"])
finally:
    print(sorted(sys.modules), file=sys.stderr)
"""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def test_imports_run_one_way() -> None:
    """The judge may import the judged, never the other way round, so that any gRPC address can be judged."""
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        if path.is_relative_to(ROOT / "pipelines")
        for name in imported(path)
        if name.split(".")[0] == "ci"
    ]

    assert offenders == []


def test_only_the_export_knows_torch_and_nemo() -> None:
    """Build, deploy, serve and conformance run without NeMo and torch; a room has one module for the export."""
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        if not path.is_relative_to(ROOT / "pipelines" / "export") and path not in NETWORKS
        for name in imported(path)
        if name.split(".")[0] in ("torch", "nemo")
    ]

    assert offenders == []


def test_rooms_do_not_know_each_other() -> None:
    """What two rooms need lives in the layers below, which know no room: either can be read, and removed, alone."""
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        for room in ROOMS
        if not path.is_relative_to(room)
        for name in imported(path)
        if name.startswith(".".join(room.relative_to(ROOT).parts))
        if not path.is_relative_to(ROOT / "ci" / "bench")  # times a room's parts outside the server
    ]

    assert offenders == []


def test_the_registry_is_light() -> None:
    """Whoever asks which room serves a checkpoint, or lists the cases, imports nothing heavy by that."""
    code = "import sys; from pipelines.registry import rooms; list(rooms()); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)

    assert HEAVY & {module.split(".")[0] for module in ast.literal_eval(done.stdout)} == set()


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_help_is_instant(name: str) -> None:
    """`--help` works without importing anything heavy."""
    done = subprocess.run(
        [sys.executable, "-c", HELP_THEN_MODULES, name], capture_output=True, text=True, cwd=ROOT, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()
    assert HEAVY & {module.split(".")[0] for module in ast.literal_eval(done.stderr.strip().splitlines()[-1])} == set()


@pytest.mark.parametrize("module", ["pipelines.errors", "ci.errors"])
def test_exit_codes_are_unique(module: str) -> None:
    """Every kind of error has an exit code of its own, never that of a finding or of a signal."""
    from pipelines.errors import RivaError

    importlib.import_module(module)
    leaves = [kind for kind in _descendants(RivaError) if not kind.__subclasses__()]
    codes = [kind.exit_code for kind in leaves]

    assert sorted(codes) == sorted(set(codes)), sorted((kind.exit_code, kind.__name__) for kind in leaves)
    assert all(4 < code < 126 for code in codes)


def _descendants(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)
