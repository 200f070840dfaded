"""In a workflow the update becomes one pull request, and never writes over what somebody does on its branch."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ci.template import __main__ as command
from tests.github.server import FakeGitHub
from tests.unit.ci.template.repositories import LINES, Repository, changed

CODE, WORKFLOW = "pipelines/code.py", ".github/workflows/push.yml"


@pytest.fixture
def github(
    template: Repository, fork: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeGitHub]:
    """The fork at a GitHub that knows its template; its branches are in a bare repository on disk."""
    fork.git("clone", "--quiet", "--bare", str(fork.folder), str(tmp_path / "remote.git"))
    fork.git("remote", "add", "origin", str(tmp_path / "remote.git"))
    with FakeGitHub() as server:
        server.repository.about = {"template_repository": {"clone_url": str(template.folder)}}
        for name, value in {**server.environment(), "GITHUB_REF_NAME": "main"}.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def update(github: FakeGitHub, fork: Repository, capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Runs the command as the workflow does; returns what it printed."""

    def run() -> str:
        capsys.readouterr()
        assert command.main(["--repository", str(fork.folder), "--pull-request"]) == 0
        return capsys.readouterr().out

    return run


def pushed(fork: Repository) -> str:
    return fork.git("ls-remote", "origin", "refs/heads/template-update").split("\t")[0]


def test_one_pull_request_is_opened_and_kept_up_to_date(
    template: Repository, fork: Repository, github: FakeGitHub, update: Callable[[], str]
) -> None:
    """The second week's update goes into the pull request of the first; the branch is written again."""
    template.write({CODE: changed(LINES, 2, "theirs")}, "The first week")
    update()
    first = pushed(fork)
    template.write({CODE: changed(LINES, 3, "theirs")}, "The second week")
    update()

    (pull,) = github.repository.pulls.values()
    assert (pull["head"]["ref"], pull["base"]["ref"]) == ("template-update", "main")
    assert "The second week" in pull["body"]
    assert pushed(fork) != first
    fork.git("fetch", "--quiet", "origin", "template-update")
    assert fork.show(CODE, "FETCH_HEAD") == changed(LINES, 3, "theirs").strip()
    assert fork.git("log", "--format=%s", "main..FETCH_HEAD") == "Update from the template"


def test_nothing_new_writes_nothing(
    template: Repository, fork: Repository, github: FakeGitHub, update: Callable[[], str]
) -> None:
    """Neither does a template that stands still, nor the same update twice, start the checks again."""
    assert "Nothing to update" in update()
    assert pushed(fork) == ""
    template.write({CODE: "new\n"})
    update()
    first = pushed(fork)
    update()

    assert pushed(fork) == first
    assert github.count("POST", "/pulls") == 1


def test_a_persons_commits_on_the_branch_stay(
    template: Repository, fork: Repository, github: FakeGitHub, update: Callable[[], str]
) -> None:
    """Whoever resolves a conflict on the branch does not lose that to the next week's run."""
    template.write({CODE: "new\n"})
    update()
    fork.git("fetch", "--quiet", "origin", "template-update:mine")
    fork.git("switch", "--quiet", "mine")
    mine = fork.write({"mine.txt": "mine\n"})
    fork.git("push", "--quiet", "origin", "mine:template-update")
    fork.git("switch", "--quiet", "main")
    template.write({CODE: "newer\n"})

    assert "Somebody has written to the branch" in update()
    assert pushed(fork) == mine


@pytest.mark.parametrize("may", ["", "true"])
def test_workflows_wait_for_a_token_that_may_change_them(
    may: str,
    template: Repository,
    fork: Repository,
    github: FakeGitHub,
    update: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it they are left out, named, and come with the next update that may."""
    monkeypatch.setenv(command.MAY_CHANGE_WORKFLOWS, may)
    template.write({CODE: "new\n", WORKFLOW: "on: [push, workflow_dispatch]\n"})
    said = update()
    fork.git("pull", "--quiet", "origin", "template-update")

    assert (fork.show(WORKFLOW, "HEAD") == "on: [push, workflow_dispatch]") == bool(may)
    assert fork.show(CODE, "HEAD") == "new"
    assert ("Workflows that are not in" in said) == (not may)
    monkeypatch.setenv(command.MAY_CHANGE_WORKFLOWS, "true")
    update()
    fork.git("pull", "--quiet", "origin", "template-update")
    assert fork.show(WORKFLOW, "HEAD") == "on: [push, workflow_dispatch]"


def test_the_template_itself_has_nothing_to_do(github: FakeGitHub, fork: Repository, update: Callable[[], str]) -> None:
    """A repository that was made from nothing ends well, so that the template's own schedule stays green."""
    github.repository.about = {}

    assert update() == "Nothing to update.\n"


def test_the_token_is_not_on_a_command_line(
    template: Repository, fork: Repository, github: FakeGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git gets it through its environment, for the one server it belongs to."""
    from ci.template.git import Git

    git = Git(fork.folder, server="https://github.com/", token="a-secret")

    assert git.line("config", "--get-regexp", "extraheader").startswith("http.https://github.com/.extraheader ")
    assert "a-secret" not in git.line("config", "--list")
