"""Files that are reviewed when they change; `nox -s goldens` writes them again.

tests/golden/<room>/riva-build.txt       the help of its command line
tests/golden/<room>/<model>.pbtxt        the Triton configurations of its tiny checkpoint
"""

import importlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pipelines.cli import riva_build, riva_deploy
from pipelines.contract import Pipeline
from pipelines.registry import rooms

GOLDEN = Path(__file__).parents[1] / "golden"


def tiny(room: Pipeline[Any]) -> ModuleType:
    """The module of `tests/tiny` about a room."""
    return importlib.import_module(f"tests.tiny.{room.name}")


def build(room: Pipeline[Any], folder: Path) -> Path:
    """Takes the tiny checkpoint of a room through riva-build; returns the RMIR."""
    rmir, riva = folder / f"{room.name}.rmir", tiny(room).write_riva(folder / f"{room.name}.riva")
    assert riva_build.main([room.name, str(rmir), str(riva), *tiny(room).OPTIONS]) == 0
    return rmir


def files_of(room: Pipeline[Any]) -> Mapping[str, str]:
    """The golden files of a room, as they are now."""
    with tempfile.TemporaryDirectory() as name:
        models = Path(name) / "models"
        assert riva_deploy.main([str(build(room, Path(name))), str(models)]) == 0
        configs = {path.parent.name: path.read_text(encoding="utf-8") for path in models.glob("*/config.pbtxt")}
    helped = riva_build.command_line(room).help()
    return {"riva-build.txt": helped, **{f"{model}.pbtxt": configs[model] for model in sorted(configs)}}


def main() -> int:
    """Writes the golden files of every room."""
    for room in rooms():
        folder = GOLDEN / room.name
        folder.mkdir(parents=True, exist_ok=True)
        for path in [*folder.glob("*.txt"), *folder.glob("*.pbtxt")]:
            path.unlink()
        for name, text in files_of(room).items():
            (folder / name).write_text(text, encoding="utf-8")
        print(f"wrote {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
