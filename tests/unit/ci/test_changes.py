"""A change is about the checkpoints that it touches, and about all of them when it touches what they share."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ci.changes import affected, changed_paths
from pipelines.errors import UsageError

COMPANIONS = {"asr": ("marks",), "marks": (), "other": ()}


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        pytest.param(["checkpoints/asr/model.nemo"], ("asr",), id="a checkpoint"),
        pytest.param(["checkpoints/other/pipeline.yaml", "checkpoints/asr/x"], ("asr", "other"), id="two"),
        pytest.param(["checkpoints/marks/model.nemo"], ("asr", "marks"), id="one that another is served with"),
        pytest.param(["checkpoints/gone/model.nemo"], (), id="one that was removed"),
        pytest.param(["checkpoints/asr/README.md"], (), id="a page about a checkpoint"),
        pytest.param(["README.md", "tests/unit/x.py", "LICENSE"], (), id="nothing that runs"),
        pytest.param(["ci/release/publish.py", ".github/workflows/push.yml"], (), id="the publisher"),
        pytest.param(["pipelines/server/app.py"], ("asr", "marks", "other"), id="the server"),
        pytest.param(["ci/targets.yaml", "checkpoints/asr/x"], ("asr", "marks", "other"), id="the targets"),
        pytest.param(["a-new-folder/thing.py"], ("asr", "marks", "other"), id="something nobody knows"),
    ],
)
def test_the_right_checkpoints_are_chosen(paths: list[str], expected: tuple[str, ...]) -> None:
    """Rather one too many than one too few: an unknown path counts for all."""
    change = affected(paths, COMPANIONS)

    assert change.checkpoints == expected
    assert change.reason


@pytest.mark.parametrize(
    ("paths", "code"), [(["checkpoints/asr/model.nemo"], False), (["tests/unit/x.py"], True), (None, True), ([], False)]
)
def test_code_is_told_from_checkpoints(paths: list[str] | None, code: bool) -> None:
    """Whoever pushes nothing but a checkpoint need not wait for the tests of the code."""
    assert affected(paths, COMPANIONS).touches_code is code


def test_without_a_base_everything_is_chosen() -> None:
    """On a first push, or where nothing was judged well so far, there is nothing to compare with."""
    assert affected(None, COMPANIONS).checkpoints == ("asr", "marks", "other")


Commit = Callable[..., str]


@pytest.fixture
def commit(tmp_path: Path) -> Commit:
    """Writes files, commits them and returns the commit."""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
        done = subprocess.run(["git", *who, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def make(*names: str, onto: str | None = None) -> str:
        if onto:
            git("checkout", "-q", "--detach", onto)
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(f"{name}\n")
        git("add", ".")
        git("commit", "-qm", "x")
        return git("rev-parse", "HEAD")

    git("init", "-q")
    return make


def test_git_says_what_a_branch_changes(tmp_path: Path, commit: Commit) -> None:
    """What the base branch got meanwhile is not the change; names may have spaces and other letters."""
    start = commit("a")
    base = commit("of the base")
    head = commit("checkpoints/äsr/my model.nemo", onto=start)

    assert changed_paths(base, head, repository=tmp_path) == ["checkpoints/äsr/my model.nemo"]


@pytest.mark.parametrize("base", ["0" * 40, "f" * 40, "no-such-branch", "--output=x"])
def test_a_base_that_git_does_not_know_is_none(tmp_path: Path, commit: Commit, base: str) -> None:
    """After a forced push the old commit may be gone."""
    assert changed_paths(base, commit("a"), repository=tmp_path) is None


def test_an_unknown_head_is_a_mistake(tmp_path: Path, commit: Commit) -> None:
    """A shallow clone cannot be compared; it is said, rather than that nothing has changed."""
    with pytest.raises(UsageError, match="git knows no commit"):
        changed_paths(commit("a"), "f" * 40, repository=tmp_path)
