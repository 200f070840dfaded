"""The workflows do what they say: jobs really run, in order, and hand each other what they make."""

import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.github.server import FakeGitHub
from tests.workflows.events import RUN_ID, TOKEN
from tests.workflows.github import GitHub
from tests.workflows.jobs import Job, Outcome
from tests.workflows.origin import snapshot
from tests.workflows.rehearsal import Rehearsal

HERE = Path(__file__).parent
MODEL = "punctuation-en-US"
EXPECTED = {"checks", "plan", "export/export", "export/code-scanning", "export", "judge/hosted", "judge", "pass"}


@pytest.fixture(scope="module")
def make(github: GitHub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Rehearsal]]:
    """Rehearses in a repository of one model whose stages answer at once."""

    def one_model_with_short_stages(folder: Path) -> None:
        for other in (folder / "checkpoints").iterdir():
            if other.name != MODEL:
                shutil.rmtree(other)
        nox = folder / "scripts" / "nox"
        nox.write_text(f"#!{sys.executable}\n{(HERE / 'short_nox.py').read_text()}")
        edit(folder / "ci" / "targets.yaml", lambda targets: targets["targets"]["x86-gpu"].update(enabled=True))
        edit(folder / "ci" / "targets.yaml", lambda targets: targets["targets"]["x86-gpu"].pop("needs_secret"))

    def train_again(folder: Path) -> None:
        edit(
            folder / "checkpoints" / MODEL / "pipeline.yaml",
            lambda pipeline: pipeline.update(targets=["cpu", "x86-gpu"]),
        )

    top = tmp_path_factory.mktemp("rehearsals")
    origin = snapshot(top / "origin", prepare=one_model_with_short_stages, change=train_again, without="tests")
    with FakeGitHub(token=TOKEN) as server:
        yield lambda name, **answered: Rehearsal.of(github, origin, top / name, server, **answered)


def edit(file: Path, change: Callable[[dict[str, object]], object]) -> None:
    data = yaml.safe_load(file.read_text())
    change(data)
    file.write_text(yaml.safe_dump(data))


def test_pull_request_is_taken_through(make: Callable[..., Rehearsal]) -> None:
    """From the checkout to the one required check: planned, exported, shown, handed over, judged, on hosted CPUs."""
    rehearsal = make("pull-request")

    results = rehearsal.run("pull-request", "pull-request.yml")

    assert set(results.values()) == {"success", "skipped"}, rehearsal.failures()
    assert {path for path, result in results.items() if result == "success"} == EXPECTED
    assert rehearsal.artifacts() == {f"verdict-{MODEL}", f"export-{MODEL}", f"judged-{MODEL}-cpu"}
    assert ("Check every digest", "success") in rehearsal.steps("judge/hosted")
    assert (rehearsal.machine.site.folder / "code-scanning" / f"verdict-{MODEL}.json").exists()
    assert f"| {MODEL} | x86-gpu | skipped" in rehearsal.machine.summary


def test_watchdog_ends_a_push_that_waits_for_a_runner(make: Callable[..., Rehearsal]) -> None:
    """A lane that no runner takes is said, the run is cancelled, and the push is not green."""
    done = dict.fromkeys(("checks", "export/export", "export/code-scanning", "judge/hosted"), Outcome("success"))
    rehearsal = make("push", **done, **{"judge/self-hosted": Outcome("cancelled")})
    rehearsal.knows_run(RUN_ID, "push.yml", conclusion=None)
    queued = (datetime.now(UTC) - timedelta(minutes=20)).isoformat()
    waiting = {"id": 1, "name": "judge", "status": "queued", "created_at": queued}
    rehearsal.server.repository.jobs[RUN_ID] = [{**waiting, "labels": ["self-hosted", "linux", "x64", "gpu"]}]

    results = rehearsal.run("push", "push.yml")

    assert results["watchdog"] == results["pass"] == "failure"
    assert rehearsal.server.repository.cancelled == [RUN_ID], rehearsal.failures()
    assert "no runner takes judge: it asks for self-hosted, linux, x64, gpu" in rehearsal.failures()


@pytest.mark.full
def test_refused_checkpoint_turns_the_check_red(make: Callable[..., Rehearsal]) -> None:
    """Its verdict is kept and shown all the same, nothing is judged, and the required check fails."""
    rehearsal = make("refused", checks=Outcome("success"))
    rehearsal.machine.variables = {**rehearsal.machine.variables, "REFUSED": MODEL}

    results = rehearsal.run("pull-request", "pull-request.yml")

    assert results["export/export"] == results["judge/hosted"] == results["pass"] == "failure"
    assert results["export/code-scanning"] == "success"
    assert rehearsal.artifacts() == {f"verdict-{MODEL}"}
    assert ("Build, deploy, serve and judge", "skipped") in rehearsal.steps("judge/hosted")


@pytest.mark.full
def test_changed_artifact_is_refused(make: Callable[..., Rehearsal]) -> None:
    """What arrives with other bytes than were sent ends the job before anything is built of it."""
    rehearsal = make("changed", checks=Outcome("success"))

    def exchange(job: Job) -> None:
        if job.path == "judge/hosted":
            sent = rehearsal.machine.site.artifacts / f"export-{MODEL}" / MODEL / f"{MODEL}.riva"
            sent.write_text("other bytes")

    rehearsal.before = exchange

    results = rehearsal.run("pull-request", "pull-request.yml")

    assert results["judge/hosted"] == results["pass"] == "failure"
    assert ("Check every digest", "failure") in rehearsal.steps("judge/hosted")
    assert f"judged-{MODEL}-cpu" not in rehearsal.artifacts()
