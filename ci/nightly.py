"""Keeps one issue about the nightly checks: opened when one fails, changed while they do, closed when all pass again.

It runs as the last job of the nightly workflow and reads the others from the API, so that a check is added to the
workflow and nowhere else. The issue is found by its label, which only people with write access can set. Since when each
check fails stands in a comment of the issue's text, which Markdown does not show.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from ci import github
from ci.arguments import ArgumentParser
from ci.errors import GitHubRefused
from ci.github_api import GitHub, Issue, Job

__all__ = ["LABEL", "main"]

LABEL = "nightly"
TITLE = "The nightly checks fail"

_GOOD = frozenset({"success", "skipped", "neutral"})
_STOPPED = frozenset({"cancelled"})  # by a person: says nothing about the check
_ONLY_A_CODE = "Process completed with exit code"
_MESSAGES = 5  # of a check; its page has all
_LETTERS = 2000  # of a message; a body takes 65,536
_MEMORY = re.compile(r"<!-- failing since: (?P<days>\{.*?\}) -->")


@dataclass(frozen=True)
class Night:
    """What came of one run of the workflow.

    Attributes:
        jobs: The checks that have ended.
        page: Where people see the run.
        day: When it ran.
        said: What each failing check said, by its name.
    """

    jobs: tuple[Job, ...]
    page: str
    day: date
    said: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def failing(self) -> tuple[Job, ...]:
        """The checks that failed, by name."""
        bad = (job for job in self.jobs if job.conclusion not in _GOOD | _STOPPED)
        return tuple(sorted(bad, key=lambda job: job.name))

    @property
    def green(self) -> bool:
        """Whether every check was run and none failed."""
        return bool(self.jobs) and all(job.conclusion in _GOOD for job in self.jobs)


def main(argv: list[str]) -> int:
    """Reads how the checks of a run ended and brings the issue up to date; prints what it did.

    Raises:
        GitHubError: The API cannot be reached or refuses, for example because issues are switched off.
    """
    parser = ArgumentParser(prog="nox -s nightly-issue --", description="Keeps one issue about the nightly checks.")
    parser.add_argument(
        "--run", type=int, default=github.run_id(), help="number of the run (default: the one it is in)"
    )
    run_id = parser.parse_args(argv).run
    if run_id is None:
        parser.error("--run is needed outside of GitHub Actions")
    hub = GitHub.connect()
    jobs = tuple(job for job in hub.actions.jobs(run_id) if job.status == "completed")
    night = Night(jobs, hub.actions.run(run_id).page, datetime.now(UTC).date())
    night = replace(night, said={job.name: _said(hub, job) for job in night.failing})
    try:
        said = keep(hub, night)
    except GitHubRefused as error:  # 410 where issues are switched off, which is all right while nothing has to be said
        if night.failing:
            raise
        said = f"no issue was looked for: {error.what}"
    print(said)
    github.summarise(f"{said}\n\n{table(night, since(night, {}))}")
    return 0


def keep(hub: GitHub, night: Night) -> str:
    """Opens, changes or closes the issue; returns a sentence about what was done."""
    issue = next(reversed(hub.issues.search(labels=[LABEL])), None)  # the oldest, should somebody have opened another
    if night.failing:
        return _update(hub, issue, night) if issue else _open(hub, night)
    if issue is None:
        return "All checks pass." if night.green else "No check failed; some were cancelled."
    if not night.green:
        return f"No check failed, but some were cancelled; {issue.page} stays as it is."
    hub.issues.comment(issue.number, f"All checks pass again: {night.page}")
    hub.issues.update(issue.number, state="closed", state_reason="completed")
    return f"All checks pass again; closed {issue.page}"


def _open(hub: GitHub, night: Night) -> str:
    issue = hub.issues.create(title=TITLE, body=_body(night, since(night, {})), labels=[LABEL])
    return f"{len(night.failing)} of {len(night.jobs)} checks fail; opened {issue.page}"


def _update(hub: GitHub, issue: Issue, night: Night) -> str:
    """Edits the text every night; comments, which people are notified of, only when something has changed."""
    before = remembered(issue.body)
    days = since(night, before)
    hub.issues.update(issue.number, body=_body(night, days))
    changes = [f"- `{name}` fails now" for name in sorted(days.keys() - before.keys())]
    changes += [f"- `{name}` no longer fails" for name in sorted(before.keys() - days.keys())]
    if changes:
        hub.issues.comment(issue.number, "\n".join([f"What changed in {night.page}:", "", *changes]))
    return f"{len(night.failing)} of {len(night.jobs)} checks fail; updated {issue.page}"


def remembered(body: str) -> dict[str, date]:
    """Since when each check fails, from the text of an issue; nothing if somebody has removed it."""
    match = _MEMORY.search(body)
    try:
        days = json.loads(match["days"]) if match else {}
        return {name: date.fromisoformat(day) for name, day in days.items()}
    except ValueError:  # edited by hand
        return {}


def since(night: Night, before: Mapping[str, date]) -> dict[str, date]:
    """Since when each check fails that failed this night; one that was stopped is as it was."""
    stopped = {job.name for job in night.jobs if job.conclusion in _STOPPED}
    failing = {job.name: before.get(job.name, night.day) for job in night.failing}
    return failing | {name: day for name, day in before.items() if name in stopped}


def table(night: Night, days: Mapping[str, date]) -> str:
    """The checks as Markdown, those that fail first."""
    rows = ["| check | result | failing since |", "|---|---|---|"]
    for job in sorted(night.jobs, key=lambda job: (job.name not in days, job.name)):
        rows.append(f"| [{job.name}]({job.page}) | {job.conclusion} | {days.get(job.name, '')} |")
    return "\n".join(rows)


def _said(hub: GitHub, job: Job) -> list[str]:
    """The errors of a job, less the one that only counts: every failing step has that."""
    return [message for message in hub.actions.failures(job.id) if not message.startswith(_ONLY_A_CODE)][:_MESSAGES]


def _quoted(night: Night) -> Iterator[str]:
    for name, messages in night.said.items():
        if messages:
            yield f"What `{name}` said:\n"
            yield "\n".join(["`````text", *(message[:_LETTERS] for message in messages), "`````\n"])


def _body(night: Night, days: Mapping[str, date]) -> str:
    memory = json.dumps({name: str(day) for name, day in sorted(days.items())})
    return "\n".join(
        [
            f"Last run: {night.page} on {night.day}",
            "",
            table(night, days),
            "",
            *_quoted(night),
            "`./scripts/nox -s NAME` runs a check on your machine; "
            "[what each of them means](../blob/HEAD/ci/docs/nightly.md). "
            "The nightly run edits this text and closes the issue when all checks pass.",
            "",
            f"<!-- failing since: {memory} -->",
        ]
    )


if __name__ == "__main__":
    from pipelines.cli import run

    sys.exit(run(main))
