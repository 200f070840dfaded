"""The whole main job in containers, with the images that `nox -s images` makes, judged as the local one is."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ci.pipeline import run, stages
from ci.pipeline.display import Row
from ci.pipeline.runtimes import Runtimes
from ci.runtime import local
from ci.runtime.container import Containers
from ci.runtime.engine import connect

pytestmark = [pytest.mark.container, pytest.mark.full]

SAMPLE = stages.ROOT / "checkpoints" / "asr-en-US-commands"
PREFIX = "riva-ci"


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of outputs that nobody has used."""
    for module in (stages, run):
        monkeypatch.setattr(module, "BUILD", tmp_path)
    return tmp_path / SAMPLE.name


def outcomes(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Address and outcome of every case of a report."""
    yield from ((case["address"], case["outcome"]) for case in tree["results"])
    for child in tree["children"]:
        yield from outcomes(child)


def judged(build: Path, runtimes: Runtimes) -> tuple[list[Row], dict[str, str]]:
    """Takes the sample through every stage; returns the table, and the outcome of every case."""
    rows: list[Row] = []
    run.run_checkpoint(SAMPLE, until="conformance", on_row=rows.append, runtimes=runtimes)
    report = json.loads((build / "report" / "conformance.json").read_text())
    return rows, dict(outcomes(report["tree"]))


def test_containers_judge_as_this_machine_does(build: Path) -> None:
    """Every case has the outcome that it has locally; the export is not made twice, and no container is left."""
    engine = connect()
    _, here = judged(build, lambda riva: local)
    rows, contained = judged(build, lambda riva: Containers(engine, riva, prefix=PREFIX))

    assert contained == here
    assert set(contained.values()) == {"pass"}
    assert {row.stage for row in rows if row.reused} == {"verdict", "export"}
    deploy = json.loads((build / ".state" / "deploy.json").read_text())
    assert deploy["tools"]["riva-deploy"].startswith(f"{PREFIX}/riva-speech:2.19.0 sha256:")
    left = ["docker", "ps", "--all", "--quiet", "--filter", "label=riva-ci.owner"]
    assert subprocess.run(left, capture_output=True, text=True, check=True).stdout == ""
