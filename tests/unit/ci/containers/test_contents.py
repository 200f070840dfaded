"""The images hold what their tools import, and not what only the export, the verdict and the judge need."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from ci.containers.contents import IMAGES, closure
from ci.containers.trees import locked, packages_of
from ci.environments import ROOT
from pipelines.registry import ALL_PIPELINES

ROOMS = [room.rpartition(".")[2] for room in ALL_PIPELINES.values() if room]
OF_THE_EXPORT = {"export", "verdict"}  # folders of pipelines/ that run where checkpoints are read
BY_TRITON = {"triton_python_backend_utils"}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def test_every_import_of_the_tools_is_there() -> None:
    """A package that the code begins to import is missing in the images until contents.py names it."""
    sources = [
        path
        for path in (ROOT / "pipelines").rglob("*.py")
        if path.relative_to(ROOT / "pipelines").parts[0] not in OF_THE_EXPORT and path.name != "network.py"
    ]
    modules = {name for path in sources for name in imported(path)} - {"pipelines"} - BY_TRITON
    foreign = sorted(modules - sys.stdlib_module_names - {"torch", "transformers"})
    held = closure(IMAGES["servicemaker"].packages) | closure(IMAGES["speech"].packages)
    providers = packages_distributions()

    missing = [m for m in foreign if not held & {canonicalize_name(name) for name in providers.get(m, [m])}]
    assert missing == []


@pytest.mark.parametrize("image", IMAGES)
def test_every_tool_is_a_command(image: str) -> None:
    """The links in the images run modules of pipelines.cli."""
    for tool in IMAGES[image].tools:
        assert (ROOT / "pipelines" / "cli" / f"{tool.replace('-', '_')}.py").is_file()


def test_nothing_is_held_twice() -> None:
    """The speech image stands on the ServiceMaker image and adds only what that lacks."""
    assert packages_of("speech") & packages_of("servicemaker") == set()
    assert "nvidia-pytriton" in packages_of("speech")


def test_what_only_pytriton_itself_needs_is_left_out() -> None:
    """Its wheel is there for the Triton in it; its Python side would bring forty packages."""
    assert {"gevent", "aiohttp", "pydantic"} & packages_of("speech") == set()


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_every_package_is_locked_with_its_hashes(python: str) -> None:
    """Both Pythons have a version and hashes for each package of an image."""
    lines = [*locked(python, packages_of("speech"))]

    assert {line.split("==")[0] for line in lines if "==" in line} == packages_of("speech")
    assert sum("--hash=sha256:" in line for line in lines) >= len(packages_of("speech"))
