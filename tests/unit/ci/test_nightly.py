"""One issue tells of the nightly checks, however many nights they fail."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from ci import nightly
from ci.errors import GitHubError, GitHubRefused
from ci.github_api import transport
from tests.github.server import FakeGitHub

RUN = 7


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """A repository whose nightly workflow runs."""
    monkeypatch.setattr(transport, "FIRST_PAUSE", 0.0)
    with FakeGitHub() as server:
        for name, value in {**server.environment(), "GITHUB_RUN_ID": str(RUN)}.items():
            monkeypatch.setenv(name, value)
        yield server


def night(github: FakeGitHub, **checks: str) -> int:
    """Runs the command after checks that ended so."""
    page = f"https://github.com/owner/speech/actions/runs/{RUN}"
    data = {"id": RUN, "status": "in_progress", "head_sha": "0" * 40, "html_url": page}
    github.repository.runs[RUN] = data
    jobs = [
        {"id": number, "name": name, "status": "completed", "conclusion": how, "html_url": f"{page}/job/{number}"}
        for number, (name, how) in enumerate(checks.items())
    ]
    itself = {"id": 99, "name": "issue", "status": "in_progress", "conclusion": None}
    github.repository.jobs[RUN] = [*jobs, itself]
    return nightly.main([])


def test_the_first_failure_opens_an_issue(github: FakeGitHub) -> None:
    """It says which check failed, links its log, and does not mention the job that writes it."""
    night(github, newest="failure", minimums="success")

    (issue,) = github.repository.issues.values()
    assert issue["labels"] == [{"name": "nightly"}]
    assert "| [newest](https://github.com/owner/speech/actions/runs/7/job/0) | failure |" in issue["body"]
    assert "| success |  |" in issue["body"]
    assert "[issue]" not in issue["body"]


def test_what_a_check_said_is_quoted(github: FakeGitHub) -> None:
    """The error is in the issue, in a block where nothing notifies; that a step ended with 1 is no news."""
    said = ["2 published advisories\nsee @somebody", "Process completed with exit code 1."]
    github.repository.annotations[0] = [{"annotation_level": "failure", "message": each} for each in said]
    github.repository.annotations[0] += [{"annotation_level": "warning", "message": "slow"}]
    night(github, advisories="failure")

    (issue,) = github.repository.issues.values()
    assert "What `advisories` said:\n\n`````text\n2 published advisories\nsee @somebody\n`````" in issue["body"]
    assert "exit code" not in issue["body"]
    assert "slow" not in issue["body"]


def test_the_same_failure_adds_neither_issue_nor_comment(github: FakeGitHub) -> None:
    """The text is brought up to date; nobody is notified of what they know."""
    night(github, newest="failure", minimums="success")
    (issue,) = github.repository.issues.values()
    before = issue["body"] = issue["body"].replace(str(datetime.now(UTC).date()), "2026-01-31")

    night(github, newest="failure", minimums="success")
    assert len(github.repository.issues) == 1
    assert issue["comments"] == []
    assert issue["body"] != before
    assert '{"newest": "2026-01-31"}' in issue["body"]


def test_another_failure_is_a_comment(github: FakeGitHub) -> None:
    """What began to fail, and what no longer does, is said in one comment."""
    night(github, newest="failure", minimums="success")
    night(github, newest="success", minimums="timed_out")

    (issue,) = github.repository.issues.values()
    (comment,) = issue["comments"]
    assert "`minimums` fails now" in comment
    assert "`newest` no longer fails" in comment
    assert issue["state"] == "open"


def test_green_closes_it_and_the_next_failure_opens_another(github: FakeGitHub) -> None:
    """The issue ends with a word about the run in which all passed; what fails later is told anew."""
    night(github, newest="failure")
    night(github, newest="success", rollback="skipped")

    (issue,) = github.repository.issues.values()
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert "All checks pass again" in issue["comments"][0]
    night(github, newest="failure")
    assert [each["state"] for each in github.repository.issues.values()] == ["closed", "open"]


def test_green_without_an_issue_leaves_no_trace(github: FakeGitHub) -> None:
    """A night in which all goes well writes nothing."""
    night(github, newest="success")

    assert github.repository.issues == {}
    assert github.count("POST", "") + github.count("PATCH", "") == 0


def test_a_cancelled_check_says_nothing(github: FakeGitHub) -> None:
    """Whoever cancels the run neither closes the issue nor makes a check look mended."""
    night(github, newest="failure", minimums="success")
    night(github, newest="cancelled", minimums="success")
    (issue,) = github.repository.issues.values()
    assert (issue["state"], issue["comments"]) == ("open", [])

    night(github, newest="cancelled", minimums="failure")
    assert issue["comments"][0].count("no longer") == 0
    night(github, newest="failure", minimums="failure")
    assert len(issue["comments"]) == 1


def test_a_text_edited_by_hand_is_written_again(github: FakeGitHub) -> None:
    """Somebody may have removed or broken what the command remembers there."""
    night(github, newest="failure")
    (issue,) = github.repository.issues.values()
    issue["body"] = '<!-- failing since: {"newest": "Tuesday"} -->'

    night(github, newest="failure")
    assert "| failure |" in issue["body"]


@pytest.mark.parametrize("answer", ["success", "failure"])
def test_issues_that_are_switched_off(github: FakeGitHub, answer: str) -> None:
    """Where a repository has no issues, only a failure that cannot be told is an error."""
    github.fail("GET", "/issues", status=410, message="Issues has been disabled in this repository.")

    if answer == "success":
        assert night(github, newest=answer) == 0
    else:
        with pytest.raises(GitHubRefused, match="Issues has been disabled"):
            night(github, newest=answer)


def test_a_lost_answer_makes_no_second_issue(github: FakeGitHub) -> None:
    """The connection breaks after the issue was opened: the next night finds it."""
    github.drop("POST", "/issues", carried_out=True)
    with pytest.raises(GitHubError):
        night(github, newest="failure")

    night(github, newest="failure")
    assert len(github.repository.issues) == 1


def test_outside_of_a_workflow_the_run_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a run there is nothing to read."""
    from pipelines.errors import UsageError

    with pytest.raises(UsageError, match="--run"):
        nightly.main([])
