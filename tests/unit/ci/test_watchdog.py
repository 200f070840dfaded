"""The watchdog ends what no runner takes, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ci.errors import NoRunner
from ci.github_api import Actions, GitHub
from ci.watchdog import main, watch
from tests.github.conftest import github, slept  # noqa: F401 - fixtures
from tests.github.server import FakeGitHub

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
RUN = 7


def job(number: int, name: str, status: str, *labels: str, minutes_ago: float = 0) -> dict[str, Any]:
    queued = START - timedelta(minutes=minutes_ago)
    return {
        "id": number,
        "name": name,
        "status": status,
        "labels": list(labels),
        "runner_name": "somebody" if status == "in_progress" else "",
        "created_at": queued.isoformat().replace("+00:00", "Z"),
    }


def add_run(server: FakeGitHub, run_id: int, *jobs: dict[str, Any]) -> None:
    run = {"id": run_id, "name": "push", "status": "in_progress", "head_sha": "f" * 40, "html_url": "https://x"}
    server.repository.runs[run_id] = run
    server.repository.jobs[run_id] = [job(99, "watchdog", "in_progress", "ubuntu-24.04"), *jobs]


class Clock:
    """Time that passes only where somebody sleeps; what happens meanwhile is given."""

    def __init__(self, *events: Callable[[], None]) -> None:
        self.now, self._events = START, list(events)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        assert self.now < START + timedelta(hours=1), "it watches for ever"
        if self._events:
            self._events.pop(0)()


@pytest.fixture
def actions(github: FakeGitHub) -> Actions:  # noqa: F811
    return GitHub.connect().actions


@pytest.fixture
def watched(github: FakeGitHub, actions: Actions) -> Callable[..., Clock]:  # noqa: F811
    def start(*events: Callable[[], None]) -> Clock:
        clock = Clock(*events)
        watch(actions, RUN, own="watchdog", sleep=clock.sleep, clock=clock)
        return clock

    return start


JETSON = ("self-hosted", "linux", "arm64", "jetson")


def test_job_that_nobody_takes_ends_the_run_and_says_its_labels(
    github: FakeGitHub,  # noqa: F811
    watched: Callable[..., Clock],
) -> None:
    """Within minutes instead of a day, with the labels to look for."""
    add_run(github, RUN, job(1, "words on jetson", "queued", *JETSON))

    with pytest.raises(
        NoRunner, match="no runner takes words on jetson: it asks for self-hosted, linux, arm64, jetson"
    ):
        watched()
    assert github.repository.cancelled == [RUN]


def test_other_work_of_the_run_is_kept(
    github: FakeGitHub,  # noqa: F811
    watched: Callable[..., Clock],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """It is said after minutes; the run is cancelled when what is at work has ended, not before."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    working = job(2, "words on cpu", "in_progress", "ubuntu-24.04")
    add_run(github, RUN, job(1, "words on jetson", "queued", *JETSON), working)
    kept: list[list[int]] = []

    def end() -> None:
        kept.append(list(github.repository.cancelled))
        working["status"] = "completed"

    with pytest.raises(NoRunner):
        watched(*[lambda: None] * 20, end)

    assert kept == [[]]
    assert github.repository.cancelled == [RUN]
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("::warning")]
    assert warnings == [
        "::warning title=words on jetson waits for a runner::"
        "no runner takes words on jetson: it asks for self-hosted, linux, arm64, jetson"
    ]
    assert "**Fix:** start one" in (tmp_path / "summary.md").read_text()


def test_busy_runner_is_waited_for(github: FakeGitHub, watched: Callable[..., Clock]) -> None:  # noqa: F811
    """A job behind another one on the same machine waits rightly, also where that is one of another run."""
    late = job(1, "b on jetson", "queued", *JETSON, minutes_ago=30)
    add_run(github, RUN, late)
    add_run(github, 8, job(2, "a on jetson", "in_progress", *JETSON))

    watched(*[lambda: None] * 3, lambda: late.update(status="completed"))

    assert github.repository.cancelled == []


def test_runner_with_other_labels_is_no_excuse(github: FakeGitHub, watched: Callable[..., Clock]) -> None:  # noqa: F811
    """A GPU machine at work says nothing about the Jetson."""
    add_run(github, RUN, job(1, "words on jetson", "queued", *JETSON, minutes_ago=6))
    add_run(github, 8, job(2, "words on x86-gpu", "in_progress", "self-hosted", "linux", "x64", "gpu"))

    with pytest.raises(NoRunner):
        watched()


def test_hosted_jobs_are_left_to_github(github: FakeGitHub, watched: Callable[..., Clock]) -> None:  # noqa: F811
    """They are taken, if late: nobody has to be told which runner to start."""
    late = job(1, "words on cpu", "queued", "ubuntu-24.04", minutes_ago=30)
    add_run(github, RUN, late)

    watched(lambda: None, lambda: late.update(status="completed"))

    assert github.repository.cancelled == []


def test_it_ends_with_the_jobs(github: FakeGitHub, watched: Callable[..., Clock]) -> None:  # noqa: F811
    """Between two looks GitHub may make jobs that waited for others, so one look at ended jobs is not enough."""
    add_run(github, RUN, job(1, "export words", "completed", "ubuntu-24.04"))

    def next_job_appears() -> None:
        github.repository.jobs[RUN].append(job(2, "words on jetson", "completed", *JETSON))

    clock = watched(next_job_appears)

    assert clock.now - START < timedelta(minutes=2)
    assert github.repository.cancelled == []


def test_somebody_else_may_cancel_first(github: FakeGitHub, watched: Callable[..., Clock]) -> None:  # noqa: F811
    """The reason is given all the same."""
    add_run(github, RUN, job(1, "words on jetson", "queued", *JETSON, minutes_ago=6))
    github.repository.runs[RUN]["status"] = "completed"

    with pytest.raises(NoRunner):
        watched()


def test_command_explains_and_has_its_exit_code(github: FakeGitHub, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    """What a person reads in the log says what to do next."""
    add_run(github, RUN, job(1, "words on jetson", "queued", *JETSON, minutes_ago=6000))

    assert main(["--run", str(RUN)]) == NoRunner.exit_code
    assert "ci/targets.yaml" in capsys.readouterr().err
