"""`nox -s watchdog -- --run ID`: ends a run whose jobs no runner takes, and says which runner they wait for.

GitHub lets a job wait for a runner for a day, in silence. The token of a run may not list runners, but it sees jobs:
one that has waited for minutes, while no job of this repository with its labels was at work, is one that nobody takes.
Where one is at work, its runner is busy, and waiting is right. GitHub cancels runs, not jobs; so it is said at once,
and the run is cancelled as soon as nothing else in it is at work, and what the other jobs have done is kept.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ci import github
from ci.arguments import ArgumentParser
from ci.errors import GitHubRefused, NoRunner
from ci.github_api import Actions, GitHub, Job
from pipelines.cli import run

__all__ = ["Sight", "look", "main", "watch"]

GRACE_SECONDS = 300.0
"""A runner of a scale set, or one that starts with its machine, may take some minutes to come."""

POLL_SECONDS = 30.0


@dataclass(frozen=True)
class Sight:
    """What the jobs of a run look like at one moment.

    Attributes:
        stuck: Jobs that no runner takes.
        busy: Whether anything else is at work or about to be.
        done: Whether every job has ended.
    """

    stuck: tuple[Job, ...]
    busy: bool
    done: bool


def look(
    jobs: Sequence[Job], elsewhere: Callable[[], Iterable[Job]], *, now: datetime, grace: float = GRACE_SECONDS
) -> Sight:
    """Judges the jobs of a run.

    Args:
        jobs: All of them, but not the watchdog's own.
        elsewhere: Finds the jobs of other runs; asked only where a job has waited for long.
        now: The time.
        grace: Seconds that a job may wait for a runner.
    """
    late = [job for job in jobs if job.status == "queued" and not _is_hosted(job) and _waited(job, now) > grace]
    working = [set(job.labels) for job in (*jobs, *elsewhere()) if job.status == "in_progress"] if late else []
    stuck = tuple(job for job in late if not any(set(job.labels) <= labels for labels in working))
    others = [job for job in jobs if job not in stuck and job.status != "completed"]
    return Sight(stuck, busy=bool(others), done=all(job.status == "completed" for job in jobs))


def watch(
    actions: Actions,
    run_id: int,
    *,
    own: str,
    grace: float = GRACE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Watches a run until its jobs have ended, or have to be.

    Args:
        actions: The runs of the repository.
        run_id: The run.
        own: The name of the watchdog's job.
        grace: Seconds that a job may wait for a runner.
        sleep: How time is passed.
        clock: Tells the time.

    Raises:
        NoRunner: Jobs were waiting for a runner that does not come; the run was cancelled.
    """
    told: set[int] = set()
    ended = 0  # looks in a row; between two, GitHub makes the jobs that waited for those that have ended

    def elsewhere() -> Iterator[Job]:
        for other in actions.at_work():
            if other.id != run_id:
                yield from actions.jobs(other.id)

    while ended < 2:
        jobs = [job for job in actions.jobs(run_id) if job.name != own]
        sight = look(jobs, elsewhere, now=clock(), grace=grace)
        for job in sight.stuck:
            if job.id not in told:
                github.note("warning", _what(job), title=f"{job.name} waits for a runner")
                print(f"warning: {_what(job)}", file=sys.stderr, flush=True)
                told.add(job.id)
        if sight.stuck and not sight.busy:
            error = NoRunner(
                "; ".join(map(_what, sight.stuck)),
                why="no runner with these labels is online, or none may be used by this repository and workflow",
                fix="start one (ci/docs), correct its labels in ci/targets.yaml, or set `enabled: false` there; "
                "then run the cancelled jobs again",
            )
            github.annotate(error, title="No runner")  # before the run ends, and this job with it
            _cancel(actions, run_id)
            raise error
        ended = ended + 1 if sight.done else 0
        sleep(POLL_SECONDS)


def main(argv: list[str] | None = None) -> int:
    """The command; returns the exit code."""
    return run(_main, argv)


def _main(argv: list[str]) -> int:
    parser = ArgumentParser(prog="nox -s watchdog --", description="Cancels a run whose jobs no runner takes.")
    parser.add_argument("--run", type=int, required=True, metavar="ID", help="the run to watch")
    parser.add_argument(
        "--own", default="watchdog", metavar="NAME", help="the watchdog's own job (default: %(default)s)"
    )
    parser.add_argument(
        "--grace", type=float, default=GRACE_SECONDS, metavar="SECONDS", help="how long a job may wait (default: 300)"
    )
    parser.add_argument("--verbose", action="store_true", help="print tracebacks")
    options = parser.parse_args(argv)
    watch(GitHub.connect().actions, options.run, own=options.own, grace=options.grace)
    return 0


def _is_hosted(job: Job) -> bool:
    """GitHub's own runners come, if late."""
    return all(label.startswith("ubuntu-") for label in job.labels)


def _waited(job: Job, now: datetime) -> float:
    """Seconds since it was queued."""
    return (now - datetime.fromisoformat(job.created_at)).total_seconds()


def _what(job: Job) -> str:
    return f"no runner takes {job.name}: it asks for {', '.join(job.labels)}"


def _cancel(actions: Actions, run_id: int) -> None:
    try:
        actions.cancel(run_id)
    except GitHubRefused:  # somebody was faster
        return


if __name__ == "__main__":
    sys.exit(main())
