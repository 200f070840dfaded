"""What the doctor says of a Docker engine is what the engine then does."""

import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ci.doctor.checks import check
from ci.doctor.findings import Outcome
from ci.doctor.observe import observe
from ci.doctor.probe import ThisMachine
from tests.quickstart import stand_in
from tests.unit.ci.doctor.recordings import job

pytestmark = pytest.mark.container

PREFIX = f"doctor-{secrets.token_hex(4)}"
NAME = f"{PREFIX}/riva-speech:2.19.0"


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    stand_in.load(NAME, commands={})
    yield NAME
    subprocess.run(["docker", "image", "rm", NAME], capture_output=True, check=True)


def looked(folder: Path) -> dict[str, tuple[Outcome, str]]:
    asked = job(runtime="container", image_prefix=PREFIX, online=False)
    host = observe(ThisMachine(), asked, folder=str(folder))
    return {finding.rule.id: (finding.outcome, finding.what) for finding in check(host, asked)}


def test_an_image_is_found_when_it_is_there(tmp_path: Path, image: str) -> None:
    """The engine is asked by the name that the job will use."""
    found = looked(tmp_path)

    assert found["docker-answers"][0] is Outcome.OK
    assert found["image-present"] == (Outcome.OK, f"{image} is here")


def test_memlock_is_foretold(tmp_path: Path, image: str) -> None:
    """`docker run --ulimit memlock=-1` starts where the doctor sees no obstacle, and runc fails where it sees one."""
    outcome, _ = looked(tmp_path)["memlock-unlimited"]
    run = ["docker", "run", "--rm", "--network=none", "--runtime=runc", "--ulimit=memlock=-1", image, "true"]

    done = subprocess.run(run, capture_output=True, text=True, check=False)

    if outcome is Outcome.OK:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode != 0
        assert "error setting rlimit type 8" in done.stderr
